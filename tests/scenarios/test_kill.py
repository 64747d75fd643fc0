"""Whatever kills a run, its file opens, and the run goes on to the bits of one that nobody disturbed."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from commands import Command
from eventsim import io

N_KILLS = 35
OFTEN = {"eventsim.scenarios.run.LEAST_INTERVAL": 0.04}  # s, so that a short run has a dozen checkpoints
RUNS = {  # about half a second each, with more than one kind of result
    "yin-yang": ["yin-yang", "--preset", "quick", "runs=2", "epochs=2", "--seed", "3"],
    "fast-and-deep": ["fast-and-deep", "n_hidden=10", "epochs=6", "noise=0.1", "--seed", "3"],
    "delgrad": ["delgrad", "n_hidden=10", "epochs=5", "threshold_noise=0.02", "--seed", "3"],
    "nonlinear-dendrites": [
        "nonlinear-dendrites",
        "task=structural-plasticity",
        "periods=50",
        "--seed",
        "3",
    ],
    "balanced-network": ["balanced-network", "--preset", "dc-1000", "duration=700", "--seed", "3"],
}


def start(words: list[str], path: Path) -> Command:
    return Command(["run", *words, "-o", str(path)], OFTEN)


def results(path: Path) -> dict[str, bytes]:
    """Return all results of a file as bytes, without the wall time."""
    trace = io.load(path)
    found = {"config": trace.config.encode(), "duration": np.float64(trace.duration).tobytes()}
    for room in ("metrics", "training", "parameters"):
        found |= {f"{room}/{key}": np.asarray(value).tobytes() for key, value in getattr(trace, room).items()}
    for name, spikes in trace.spikes.items():
        found[f"spikes/{name}"] = spikes.times.tobytes() + spikes.units.tobytes()
    found |= {f"told/{k}": str(v).encode() for k, v in trace.provenance.items() if k != "wall_seconds"}
    return found


def killed_once(words: list[str], path: Path, seconds: float) -> str:
    """Kill a run so long after it says where it writes; return how far it had come."""
    process = start(words, path)
    assert process.stdout.readline().startswith("writing to")
    threading.Event().wait(seconds)
    process.kill()
    process.communicate()
    trace = io.load(path)  # it opens, at whatever moment the run was killed
    if io.hdf5.is_complete(path):
        return "finished"
    return "under way" if trace.state else "at the start"


@pytest.mark.parametrize("name", RUNS)
def test_a_run_killed_at_a_random_moment_goes_on_to_the_same_bits(name, tmp_path):
    words = RUNS[name]
    whole = tmp_path / "whole.h5"
    process = start(words, whole)
    process.stdout.readline()
    began = time.perf_counter()
    assert process.wait() == 0
    seconds = time.perf_counter() - began
    wanted = results(whole)
    assert wanted.keys() > {"config"}
    moments = [random.Random(k).uniform(0.0, 0.9 * seconds) for k in range(N_KILLS // len(RUNS))]

    def attempt(k: int) -> str:
        path = tmp_path / f"{k}.h5"
        how = killed_once(words, path, moments[k])
        again = start([words[0], "--resume"], path)
        _, err = again.communicate()
        assert again.returncode == 0, err
        assert results(path) == wanted
        return how

    with ThreadPoolExecutor(2) as pool:
        how = list(pool.map(attempt, range(len(moments))))
        # Moments are drawn for a machine that stays as fast as it was: if all missed the run, more are drawn.
        more = random.Random(len(moments))
        while "under way" not in how and len(moments) < N_KILLS:
            moments.append(more.uniform(0.0, 1.5 * seconds))
            how.append(attempt(len(moments) - 1))
    assert "under way" in how  # else the test has shown nothing
    assert not list(tmp_path.glob("*.part"))
