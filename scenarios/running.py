"""From a request to a finished file: run the scenario, keep what it finds.

A run may be stopped (Ctrl-C, SIGTERM) or killed at any moment; the file then holds its last checkpoint and
the run can go on.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import eventsim
from eventsim.errors import ConfigError, UnknownPart
from eventsim.hints import hinting
from eventsim.io.plain import shown
from eventsim.scenarios.earlier_names import todays_preset, todays_values
from eventsim.scenarios.memory import GB, free_memory, memory_words
from eventsim.scenarios.request import (
    Request,
    available_threads,
    check_hardware,
    data_folder,
    scenario_kind,
    settle,
    unknown,
    with_file,
)
from eventsim.scenarios.run import Interrupted, Run
from eventsim.scenarios.scenario import Scenario

__all__ = [
    "Outcome",
    "Request",
    "RunFailed",
    "available_threads",
    "data_folder",
    "execute",
    "requested",
    "scenario_kind",
    "settle",
    "unknown",
]


class RunFailed(Exception):
    """A run that began and could not end; its ``__cause__`` says why."""


class RunRefused(RunFailed, ConfigError):
    """Settings that the scenario refused as it began; nothing is left behind."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    name : of the scenario.
    complete : False if it was stopped on request; what was done is kept.
    already : there was nothing to do, because the file was finished before.
    """

    name: str
    path: Path
    scenario: Scenario
    run: Run | None
    complete: bool = True
    already: bool = False

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the summary."""
        from eventsim import html
        from eventsim.scenarios import metric_units

        run, units = self.run, metric_units.units(self.name)
        state = "finished" if self.complete else "stopped; run it again with resume=True to go on"
        rows = [
            (key, metric_units.with_unit(value, metric_units.unit_of(key, units)))
            for key, value in (run.metrics if run is not None else {}).items()
        ]
        file = html.table("", ("", ""), [("file", self.path), ("state", state)])
        return html.block(f"Run of {self.name}", file, html.table("metrics", ("metric", "value"), rows))


def requested(**asked: Any) -> Request:
    """Return the request for what is asked, with the scenario of a file where one stands for the name."""
    from eventsim.scenarios import whole_runs

    return whole_runs.of_file(Request(**asked))


@hinting
def execute(request: Request) -> Outcome:
    """Run a scenario as requested, from the start or from where its file ends.

    Raises
    ------
    UnknownPart, ConfigError, FileFormatError, OSError
        If the request cannot be met; nothing is written then.
    RunFailed
        If the scenario itself failed; the file holds the last checkpoint, if there was one.
    """
    if not isinstance(request, Request):
        raise TypeError(
            "execute takes a Request, such as "
            f"execute(Request(name='yin-yang', preset='quick')), got {shown(request)}"
        )
    kind = scenario_kind(request.name)
    threads = request.threads if request.threads is not None else available_threads()
    if threads < 1:
        raise ConfigError(f"--threads must be at least 1, got {threads}")
    common: dict[str, Any] = {"threads": threads, "data": data_folder(request.data), "quiet": request.quiet}
    if request.resume:
        return _resume(request, kind, common)
    request, layers = with_file(request)
    request = replace(request, preset=todays_preset(request.name, request.preset))
    scenario = settle(kind, request.name, request.preset, *layers)
    check_hardware(request.name, kind, request.hardware)
    seed = request.seed or 0
    if seed < 0:
        raise ConfigError(f"--seed must not be negative, got {seed}")
    return _start(replace(request, seed=seed), scenario, common)


def _start(request: Request, scenario: Scenario, common: dict[str, Any]) -> Outcome:
    """Begin a new file and run."""
    from eventsim.io import TraceFile, config, datasets

    path, how = request.path, {"preset": request.preset, "seed": request.seed, "hardware": request.hardware}
    if path.exists() and not path.is_dir() and not request.overwrite:
        raise FileExistsError(f"{path} exists already; use --overwrite, --resume, or another name with -o")
    named = scenario.data_sets()
    if common["data"] is not None:
        for name in named:
            datasets.require(name, common["data"])
    file = TraceFile.create(
        path,
        time_unit=scenario.time_unit,
        config=config.to_toml(scenario, scenario=request.name, **how),
        provenance={
            "scenario": request.name,
            "version": eventsim.__version__,
            "paper": scenario.paper,
            **({"dataset": ", ".join(named)} if named else {}),
            **{key: value for key, value in how.items() if value is not None},
        },
        overwrite=request.overwrite,
    )
    run = Run(file=file, seed=request.seed or 0, hardware=request.hardware, **common)
    run.say(f"writing to {path}")
    if (words := memory_words(scenario.memory_bytes(), free_memory())) is not None:
        run.say(words)
    return _carry_out(request.name, path, scenario, run)


def _resume(request: Request, kind: type[Scenario], common: dict[str, Any]) -> Outcome:
    """Go on with the run whose file is there."""
    from eventsim import io

    path = request.path
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist, so there is nothing to resume; leave out --resume")
    if request.overwrite:
        raise ConfigError("--resume and --overwrite exclude each other")
    trace = io.load(path, recordings=False)
    values, how = io.config.from_toml(trace.config, f"the configuration in {path}")
    if not how.get("scenario"):
        raise ConfigError(f"{path} is no run of a scenario, so it cannot be resumed; only such runs can")
    if how["scenario"] != request.name:
        raise ConfigError(f"{path} is a run of {how['scenario']!r}, not of {request.name!r}")
    values = todays_values(request.name, values, quiet=True)
    how["preset"] = todays_preset(request.name, how.get("preset"), quiet=True)
    scenario: Scenario = io.config.make(kind, values)
    wanted = _check_same(request, kind, values, how, scenario)
    if wanted != scenario:
        from eventsim.scenarios import more_epochs

        run = more_epochs.begin(path, trace, wanted, how, common)
        return _carry_out(request.name, path, wanted, run)
    if io.hdf5.is_complete(path):
        return Outcome(request.name, path, scenario, None, already=True)
    file = io.TraceFile.resume(path)
    run = Run(file=file, seed=int(how.get("seed", 0)), hardware=how.get("hardware"), **common)
    run.go_on(trace.state, trace.provenance)
    if trace.provenance.get("version") != eventsim.__version__:
        run.note(
            f"begun with eventsim {trace.provenance.get('version')}, resumed with {eventsim.__version__}"
        )
    run.say(f"going on with {path}")
    return _carry_out(request.name, path, scenario, run)


def _check_same(
    request: Request,
    kind: type[Scenario],
    values: Mapping[str, Any],
    how: Mapping[str, Any],
    scenario: Scenario,
) -> Scenario:
    """Return the run that is wanted: the one that was begun, or the same with more epochs.

    Raises
    ------
    ConfigError
        If the request contradicts the run that it wants to resume.
    """
    from eventsim.io import config

    request, layers = with_file(request)
    request = replace(request, preset=todays_preset(request.name, request.preset))
    for key in ("preset", "seed", "hardware"):
        asked, has = getattr(request, key), how.get(key)
        if asked is not None and asked != has:
            raise ConfigError(
                f"{request.path} was begun with {key} {has}, not {asked}; resume it without --{key}"
            )
    wanted: Scenario = config.make(kind, values, *(todays_values(request.name, layer) for layer in layers))
    for key in config.keys(kind):
        has, asked = getattr(scenario, key), getattr(wanted, key)
        if key == "epochs" and asked > has:
            continue
        if key == "epochs" and asked < has:  # it may have been begun with fewer still, and gone on
            raise ConfigError(
                f"{request.path} is a run of {has} epochs, and epochs={asked} is fewer; "
                "resume it without, or with more"
            )
        if has != asked:
            raise ConfigError(f"{request.path} was begun with {key}={has}, not {asked}; resume it without")
    return wanted


def _carry_out(name: str, path: Path, scenario: Scenario, run: Run) -> Outcome:
    """Run to the end, or to where it is stopped; leave a file that says which of the two."""
    try:
        with _stops(run):
            scenario.run(run)
            run.finish()
    except (Interrupted, KeyboardInterrupt):
        run.file.discard()  # what came after the last checkpoint has no state that goes with it
        return Outcome(name, path, scenario, run, complete=False)
    except Exception as error:
        run.file.discard()
        if run.state is None:
            path.unlink(missing_ok=True)  # it holds nothing but the configuration
            if isinstance(error, ConfigError | UnknownPart):  # settings that do not fit each other
                raise RunRefused(str(error)) from error
        if isinstance(error, MemoryError):
            free = f"{free_memory() / GB:.2g} GB are free" if isfinite(free_memory()) else "there is less"
            why = str(error)
            raise RunFailed(
                f"not enough memory: {why or 'more is needed'}, and {free}; smaller sizes help"
            ) from error
        raise RunFailed(f"{type(error).__name__}: {error}") from error
    return Outcome(name, path, scenario, run)


@contextlib.contextmanager
def _stops(run: Run) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop, the second into a stop at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return

    def stop(number: int, frame: object) -> None:
        if run.interrupted:
            raise KeyboardInterrupt
        run.interrupted = True
        run.say("stopping at the next checkpoint; once more stops at once")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
