"""Runs that a server forks: the bits of runs by themselves, and what is known of those that end."""

import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from eventsim import io
from eventsim.scenarios.cli import main
from eventsim.scenarios.many_runs.forks import GONE, Forks
from eventsim.scenarios.many_runs.job import Job
from eventsim.scenarios.many_runs.plan import PlannedRun
from eventsim.scenarios.sweep import sweep

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
WORDS = ("balanced-network", "--preset", "quick", "duration=20")


@pytest.fixture
def forks():
    server = Forks()
    yield server
    server.close()


def planned(seed: int, *words: str) -> PlannedRun:
    return PlannedRun(WORDS[0], seed, (*WORDS, *words, "--seed", f"{seed}"), "", "", f"{seed}.h5")


def job(folder: Path, seed: int, *words: str) -> str:
    return Job(planned(seed, *words), str(folder)).text()


def test_a_forked_run_has_the_bits_of_one_by_itself(forks, tmp_path):
    for seed in (1, 2):  # the second finds imported what the first had to import
        run = forks.begin(job(tmp_path, seed), str(tmp_path / "said"))
        assert run.wait(60) == 0
        assert main(["run", *WORDS, "--seed", f"{seed}", "-o", str(tmp_path / "own.h5"), "--overwrite"]) == 0
        ours, own = io.load(tmp_path / f"{seed}.h5"), io.load(tmp_path / "own.h5")
        for name, spikes in own.spikes.items():
            assert np.array_equal(ours.spikes[name].times, spikes.times)
            assert np.array_equal(ours.spikes[name].units, spikes.units)
    assert (tmp_path / "said").read_text() == ""


def test_what_a_failed_run_said_and_how_it_was_killed_are_known(forks, tmp_path):
    failed = forks.begin(job(tmp_path, 1, "duration=-1"), str(tmp_path / "said"))
    assert failed.wait(60) == 2
    assert "duration" in (tmp_path / "said").read_text()
    long = forks.begin(job(tmp_path, 2, "duration=1e6"), str(tmp_path / "other"))
    assert long.poll() is None
    long.kill()
    assert long.wait(60) == -signal.SIGKILL
    assert long.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(long.pid, 0)


def test_runs_end_with_their_server_and_a_sweep_goes_on_with_a_new_one(tmp_path, monkeypatch):
    forks = Forks()
    run = forks.begin(job(tmp_path, 1, "duration=1e6"), str(tmp_path / "said"))
    while run.pid is None:
        forks.listen(1.0)
    os.killpg(forks._process.pid, signal.SIGKILL)
    assert run.wait(60) == GONE
    forks.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{run.pid}").exists() and time.monotonic() < deadline:  # Linux asks it to end
        time.sleep(0.02)
    assert not Path(f"/proc/{run.pid}").exists() or not Path("/proc").exists()

    begun, killed = Forks.begin, []

    def begin(self, text, said):
        if json.loads(text)["run"]["seed"] == 1 and not killed:
            killed.append(self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        return begun(self, text, said)

    monkeypatch.setattr(Forks, "begin", begin)
    axes = {"seed": [0, 1, 2], "duration": 5.0}
    found = sweep("balanced-network", axes, tmp_path / "out", preset="quick", jobs=1)
    assert killed
    assert [row["status"] for row in found.rows()] == ["finished"] * 3


def test_a_job_is_read_back():
    asked = Job(planned(3), "folder", 2, "data")
    assert asdict(Job.read(asked.text())) == asdict(asked)
