"""A sweep on a real Dask cluster: workers die, the scheduler dies, and nothing is lost or done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")

COMMAND = [sys.executable, "-P", "-m", "eventsim.scenarios.cli", "sweep"]
PATIENCE = 60.0  # s


class Cluster:
    """A scheduler and workers as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)
        )
        end = time.monotonic() + PATIENCE
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        self.address = json.loads(file.read_text())["address"]

    def _start(self, what: str, *words: str) -> "subprocess.Popen[bytes]":
        log = open(self.folder / f"{what}-{len(self.processes)}.log", "wb")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + what, *words],
            stdout=log,
            stderr=log,
            env=self.environment,
            start_new_session=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def worker(self) -> "subprocess.Popen[bytes]":
        """Start a worker that takes one run at a time, and has nobody to start it again."""
        return self._start(
            "worker",
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(self.folder),
        )

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(toy_site, tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.end()


def begin(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def made() -> list[str]:
    return sorted(Path("log").read_text().splitlines()) if Path("log").exists() else []


def until(true, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(cluster):
    victim, _ = cluster.worker(), cluster.worker()
    words = ["toy", "seed=0..5", "pause=0.05", "-o", "out", "--scheduler", cluster.address, "--json"]
    process = begin(*words)
    until(lambda: len(list(Path("out").glob("*.h5"))) >= 2, "two runs begin")
    time.sleep(0.5)
    victim.kill()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    rows = json.loads(out)
    assert [(row["seed"], row["status"]) for row in rows] == [(seed, "finished") for seed in range(6)]
    began = [line for line in made() if line.endswith("False")]
    assert began == [f"0.5 {seed} False" for seed in range(6)]  # each began once; the victim's run went on
    assert err.count(": finished") == 6
    again = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60)
    assert json.loads(again.stdout) == rows
    assert len(made()) <= 7


def test_a_scheduler_that_is_gone_ends_the_sweep_and_the_next_one_goes_on(cluster, tmp_path):
    cluster.worker()
    words = ["toy", "seed=0..3", "pause=0.03", "-o", "out", "--json"]
    process = begin(*words, "--scheduler", cluster.address)
    until(lambda: Path("out/runs.json").exists(), "one run ends")
    cluster.scheduler.kill()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "is gone; go on with: eventsim sweep toy" in err
    for each in cluster.processes:
        each.kill()
    done = subprocess.run([*COMMAND, *words, "--jobs", "2"], capture_output=True, text=True, timeout=120)
    assert [row["status"] for row in json.loads(done.stdout)] == ["finished"] * 4
    began = [line for line in made() if line.endswith("False")]
    assert began == [f"0.5 {seed} False" for seed in range(4)]


def test_workers_that_do_not_see_the_folder_send_the_files(cluster, monkeypatch):
    from eventsim.scenarios.many_runs import cluster as module
    from eventsim.scenarios.sweep import sweep

    cluster.worker()
    monkeypatch.setattr(module, "TOKEN", ".another-machine-")  # the mark that a worker looks for is not there
    values = {"seed": [0, 1], "duration": 5.0}
    found = sweep("balanced-network", values, "out", preset="quick", scheduler=cluster.address)
    assert [row["status"] for row in found.rows()] == ["finished"] * 2
    assert len(list(Path("out").glob("*.h5"))) == 2


def test_ctrl_c_stops_runs_at_their_checkpoints(cluster):
    cluster.worker()
    words = ["toy", "seed=0..1", "pause=0.05", "-o", "out", "--scheduler", cluster.address]
    process = subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until(lambda: len(list(Path("out").glob("*.h5"))) == 1, "a run begins")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    done = subprocess.run([*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=120)
    assert [row["status"] for row in json.loads(done.stdout)] == ["finished"] * 2
    assert sum(line.endswith("False") for line in made()) == 2


def test_an_address_where_nobody_answers_is_named(toy_site):
    done = subprocess.run(
        [*COMMAND, "toy", "seed=0", "-o", "out", "--scheduler", "tcp://127.0.0.1:9"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in done.stderr
    assert not Path("out/sweep.json").exists() or not list(Path("out").glob("*.h5"))
