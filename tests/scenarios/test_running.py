"""A run from request to file: settings, stopping, going on, failing."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError, UnknownPart
from eventsim.scenarios import cli
from eventsim.scenarios.many_runs import pool
from eventsim.scenarios.many_runs.plan import PlannedRun
from eventsim.scenarios.many_runs.pool import Pool
from eventsim.scenarios.running import Request, RunFailed, execute
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.shell import reporting


def request(path: Path, **settings: Any) -> Request:
    return Request(name="walk", output=path, quiet=True, **settings)


def same_results(a: Path, b: Path) -> bool:
    one, other = io.load(a), io.load(b)
    return (
        one.metrics == other.metrics
        and one.training.keys() == other.training.keys()
        and all(np.array_equal(one.training[key], other.training[key]) for key in one.training)
        and one.parameters.keys() == other.parameters.keys()
        and all(np.array_equal(one.parameters[key], other.parameters[key]) for key in one.parameters)
        and one.spikes.keys() == other.spikes.keys()
        and all(np.array_equal(one.spikes[key].times, other.spikes[key].times) for key in one.spikes)
        and all(np.array_equal(one.spikes[key].units, other.spikes[key].units) for key in one.spikes)
        and one.config == other.config
    )


def test_later_layers_of_settings_win(walk, tmp_path):
    config = tmp_path / "walk.toml"
    config.write_text("steps = 5\nwidth = 0.5\n")
    assert execute(request(tmp_path / "a.h5")).scenario.steps == 10
    assert execute(request(tmp_path / "b.h5", preset="short")).scenario.steps == 3
    outcome = execute(request(tmp_path / "c.h5", preset="short", config=config))
    assert (outcome.scenario.steps, outcome.scenario.width) == (5, 0.5)
    outcome = execute(request(tmp_path / "d.h5", preset="short", config=config, values={"steps": 7}))
    assert (outcome.scenario.steps, outcome.scenario.width) == (7, 0.5)


def test_the_configuration_in_a_file_repeats_the_run(walk, tmp_path):
    execute(request(tmp_path / "a.h5", preset="short", seed=7, values={"width": 2.5}))
    config = tmp_path / "walk.toml"
    config.write_text(io.load(tmp_path / "a.h5").config)
    execute(request(tmp_path / "b.h5", config=config))
    assert same_results(tmp_path / "a.h5", tmp_path / "b.h5")


def test_another_seed_is_another_walk(walk, tmp_path):
    execute(request(tmp_path / "a.h5", seed=1))
    execute(request(tmp_path / "b.h5", seed=2))
    assert not same_results(tmp_path / "a.h5", tmp_path / "b.h5")


@pytest.mark.parametrize("stop_at", [0, 1, 4, 5, 8])
def test_a_stopped_run_goes_on_to_the_same_bits(walk, tmp_path, monkeypatch, stop_at):
    execute(request(tmp_path / "whole.h5", seed=3))
    monkeypatch.setattr(walk, "stop_at", stop_at)
    assert not execute(request(tmp_path / "parts.h5", seed=3)).complete
    assert not io.hdf5.is_complete(tmp_path / "parts.h5")
    monkeypatch.setattr(walk, "stop_at", None)
    assert execute(request(tmp_path / "parts.h5", resume=True)).complete
    assert same_results(tmp_path / "whole.h5", tmp_path / "parts.h5")


def test_a_run_stopped_again_and_again_comes_to_the_same_bits(walk, tmp_path, monkeypatch):
    execute(request(tmp_path / "whole.h5"))
    for k in range(10):
        monkeypatch.setattr(walk, "stop_at", k)
        execute(request(tmp_path / "parts.h5", resume=k > 0))
    assert execute(request(tmp_path / "parts.h5", resume=True)).already
    assert same_results(tmp_path / "whole.h5", tmp_path / "parts.h5")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_the_next_checkpoint(walk, tmp_path, monkeypatch, number):
    checkpoint = Run.checkpoint

    def at_step_4(run: Run, state: Any, *, force: bool = False) -> None:
        if state["step"] == 4:
            os.kill(os.getpid(), number)
        checkpoint(run, state, force=force)

    monkeypatch.setattr(Run, "checkpoint", at_step_4)
    handler = signal.getsignal(number)
    assert not execute(request(tmp_path / "a.h5")).complete
    assert signal.getsignal(number) is handler
    assert io.load(tmp_path / "a.h5").state["scenario"]["step"] == 4


def test_resuming_a_finished_run_changes_nothing(walk, tmp_path):
    execute(request(tmp_path / "a.h5"))
    before = (tmp_path / "a.h5").read_bytes()
    assert execute(request(tmp_path / "a.h5", resume=True)).already
    assert (tmp_path / "a.h5").read_bytes() == before


@pytest.mark.parametrize(
    "asked", [{"seed": 4}, {"preset": "short"}, {"values": {"steps": 11}}, {"hardware": "ideal"}]
)
def test_resuming_with_other_settings_is_refused(walk, tmp_path, monkeypatch, asked):
    monkeypatch.setattr(walk, "stop_at", 5)
    execute(request(tmp_path / "a.h5", seed=3))
    with pytest.raises(ConfigError, match="was begun with"):
        execute(request(tmp_path / "a.h5", resume=True, **asked))


def test_resuming_with_the_same_settings_is_allowed(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "stop_at", 1)
    execute(request(tmp_path / "a.h5", seed=3, preset="short"))
    monkeypatch.setattr(walk, "stop_at", None)
    again = request(tmp_path / "a.h5", seed=3, preset="short", values={"steps": 3}, resume=True)
    assert execute(again).complete


def test_a_run_that_fails_leaves_its_last_checkpoint(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "fail_at", 5)
    with pytest.raises(RunFailed, match="met a wall"):
        execute(request(tmp_path / "a.h5"))
    trace = io.load(tmp_path / "a.h5")
    assert trace.state["scenario"]["step"] == 4
    assert trace.spikes["steps"].times.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert list(tmp_path.iterdir()) == [tmp_path / "a.h5"]


def test_a_run_that_fails_at_once_leaves_nothing(walk, tmp_path, monkeypatch):
    def fail(self: object, run: Run) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(walk, "run", fail)
    with pytest.raises(RunFailed):
        execute(request(tmp_path / "a.h5"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"preset": "long"}, UnknownPart),
        ({"values": {"steps": -1}}, ConfigError),
        ({"values": {"stepz": 1}}, ConfigError),
        ({"hardware": "abacus"}, UnknownPart),
        ({"seed": -1}, ConfigError),
        ({"threads": 0}, ConfigError),
        ({"data": Path("nowhere")}, ConfigError),
        ({"config": Path("nowhere.toml")}, ConfigError),
        ({"resume": True}, FileNotFoundError),
    ],
)
def test_a_request_that_cannot_be_met_writes_nothing(walk, tmp_path, asked, error):
    with pytest.raises(error) as caught:
        execute(request(tmp_path / "a.h5", **asked))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_overwriting_is_asked_for(walk, tmp_path):
    execute(request(tmp_path / "a.h5"))
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(FileExistsError, match="--overwrite"):
        execute(request(tmp_path / "a.h5", seed=1))
    assert (tmp_path / "a.h5").read_bytes() == before
    execute(request(tmp_path / "a.h5", seed=1, overwrite=True))
    assert io.load(tmp_path / "a.h5").provenance["seed"] == 1


def test_a_file_without_a_name_is_named_after_the_run():
    assert Request(name="walk").path == Path("walk-seed0.h5")
    assert Request(name="walk", preset="short", seed=3).path == Path("walk-short-seed3.h5")


def test_wall_seconds_add_up_over_resumptions(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "stop_at", 5)
    first = execute(request(tmp_path / "a.h5")).run
    monkeypatch.setattr(walk, "stop_at", None)
    second = execute(request(tmp_path / "a.h5", resume=True)).run
    assert first is not None
    assert second is not None
    kept = io.load(tmp_path / "a.h5").provenance["wall_seconds"]
    assert second._wall_before > 0
    assert kept >= second._wall_before


def test_checkpoints_take_a_small_share_of_the_time(monkeypatch):
    from eventsim.scenarios import run as scenario

    clock, kept = [0.0], []
    monkeypatch.setattr(scenario.time, "perf_counter", lambda: clock[0])

    class SlowFile:
        def put(self, **what: object) -> None:
            clock[0] += 1.0  # s for each checkpoint

        def checkpoint(self) -> None:
            kept.append(clock[0])

    run = Run(file=SlowFile(), _began=0.0, _kept=0.0)
    while clock[0] < 1000.0:
        clock[0] += 0.1
        run.checkpoint({"step": 0})
    assert 40 <= len(kept) <= 52  # 1 s each is at most 5 % of 1000 s, give or take the first
    assert max(np.diff(kept)) <= 22.0


def test_cheap_checkpoints_come_at_least_every_ten_seconds(monkeypatch):
    from eventsim.scenarios import run as scenario

    clock, kept = [0.0], []
    monkeypatch.setattr(scenario.time, "perf_counter", lambda: clock[0])

    class QuickFile:
        def put(self, **what: object) -> None:
            pass

        def checkpoint(self) -> None:
            kept.append(clock[0])

    run = Run(file=QuickFile(), _began=0.0, _kept=0.0)
    while clock[0] < 1000.0:
        clock[0] += 0.1
        run.checkpoint({"step": 0})
    assert max(np.diff(kept)) <= 10.2
    assert kept[0] < 1.0


def test_a_loss_that_is_no_number_is_noted_once(walk, tmp_path, monkeypatch):
    def losing(self: object, run: Run) -> None:
        for loss in (1.0, np.nan, np.inf, 2.0):
            run.series("train_loss", loss)
            run.series("accuracy", loss)

    monkeypatch.setattr(walk, "run", losing)
    outcome = execute(request(tmp_path / "a.h5"))
    assert outcome.run is not None
    (note,) = outcome.run.notes
    assert note.startswith("train_loss is no finite number from entry 2 on")
    assert io.load(tmp_path / "a.h5").provenance["notes"] == note


def test_settings_that_the_run_refuses_are_refused_as_others(walk, tmp_path, monkeypatch):
    def refuse(self: object, run: Run) -> None:
        raise ConfigError("width needs steps")

    monkeypatch.setattr(walk, "run", refuse)
    with pytest.raises(ConfigError, match="width needs steps"):
        execute(request(tmp_path / "a.h5"))
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_said_with_what_is_free(walk, tmp_path, monkeypatch):
    def greedy(self: object, run: Run) -> None:
        np.empty(1 << 53)

    monkeypatch.setattr(walk, "run", greedy)
    with pytest.raises(RunFailed, match=r"^not enough memory: .*64\.0 PiB.*, and .*; smaller sizes help$"):
        execute(request(tmp_path / "a.h5"))


class Deaf(Pool):
    """Runs that hear no SIGTERM, as inside a library."""

    def _start(self, run: Any, threads: int) -> Any:
        code = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: 0); print(1, flush=True)\n"
        code += "while True: signal.pause()"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        for _ in range(2):
            threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        return pool._Process(run, process, tempfile.NamedTemporaryFile())


def test_a_second_ctrl_c_ends_runs_that_hear_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pool, "IMPATIENCE", 0.0)
    ended: list[Any] = []
    runs = [PlannedRun("walk", k, (), "", f"{k}", f"walk-{k}.h5") for k in range(3)]
    deaf = Deaf(tmp_path, 1, None)
    deaf.work(runs, ended.append)
    assert deaf.stopped
    assert [(each.run, each.error) for each in ended] == [(runs[0], "stopped")]
    said = capsys.readouterr().err
    assert said == "stopping: runs end at their next checkpoint; once more stops at once\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_keeps_nothing_says_that_it_was_stopped(tmp_path, monkeypatch, capsys, number):
    def killed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)
        signal.pause()

    monkeypatch.setattr(reporting, "report", killed)
    before = signal.getsignal(signal.SIGTERM)
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored in the background
    try:
        assert cli.main(["report", "run.h5"]) == 130
    finally:
        signal.signal(signal.SIGINT, ours)
    assert capsys.readouterr().err == "eventsim: stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before
