"""From a request to a finished file: settle the configuration, run the scenario, keep what it finds.

Settings come, the later winning, from the class's defaults, the preset, the configuration file and the
single values given. All of it is checked before anything is written. A run may be stopped (Ctrl-C,
SIGTERM) or killed at any moment; the file then holds its last checkpoint and the run can go on.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any

import eventsim
from eventsim.errors import ConfigError, UnknownPart
from eventsim.registry import parts
from eventsim.scenarios.earlier_names import todays_preset, todays_values
from eventsim.scenarios.run import Interrupted, Run
from eventsim.scenarios.scenario import Scenario


class RunFailed(Exception):
    """A run that began and could not end; its ``__cause__`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for: a scenario by name, and how to run it.

    Attributes
    ----------
    name : of the scenario.
    values : single settings by key.
    preset, config, hardware, seed, threads : None where nothing was asked for.
    data : folder of data sets; the environment variable EVENTSIM_DATA where None.
    output : the file to write; a name made from scenario, preset and seed where None.
    resume : go on from the file's last checkpoint.
    overwrite : replace the file if there is one.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    config: Path | None = None
    hardware: str | None = None
    seed: int | None = None
    threads: int | None = None
    data: Path | None = None
    output: Path | None = None
    resume: bool = False
    overwrite: bool = False
    quiet: bool = False

    @property
    def path(self) -> Path:
        """Where the file goes."""
        if self.output is not None:
            return self.output
        preset = f"-{self.preset}" if self.preset else ""
        return Path(f"{self.name}{preset}-seed{self.seed or 0}.h5")


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


def execute(request: Request) -> Outcome:
    """Run a scenario as requested, from the start or from where its file ends.

    Raises
    ------
    UnknownPart, ConfigError, FileFormatError, OSError
        If the request cannot be met; nothing has been written then.
    RunFailed
        If the scenario itself failed; the file holds the last checkpoint, if there was one.
    """
    kind = scenario_kind(request.name)
    threads = request.threads if request.threads is not None else available_threads()
    if threads < 1:
        raise ConfigError(f"--threads must be at least 1, got {threads}")
    common: dict[str, Any] = {"threads": threads, "data": data_folder(request.data), "quiet": request.quiet}
    if request.resume:
        return _resume(request, kind, common)
    request, layers = _with_file(request)
    request = replace(request, preset=todays_preset(request.name, request.preset))
    scenario = settle(kind, request.name, request.preset, *layers)
    check_hardware(request.name, kind, request.hardware)
    seed = request.seed or 0
    if seed < 0:
        raise ConfigError(f"--seed must not be negative, got {seed}")
    return _start(replace(request, seed=seed), scenario, common)


def settle(kind: type[Scenario], name: str, preset: str | None, *layers: Mapping[str, Any]) -> Scenario:
    """Return the scenario with all its settings, checked.

    Raises
    ------
    UnknownPart
        If it has no such preset.
    ConfigError
        If a key is unknown or a value is not one it may have.
    """
    from eventsim.io import config

    presets = kind.presets
    preset = todays_preset(name, preset)
    if preset is not None and preset not in presets:
        raise UnknownPart(unknown("preset", preset, presets, f" of {name}"))
    todays = [todays_values(name, layer) for layer in layers]
    scenario: Scenario = config.make(kind, presets[preset] if preset else {}, *todays)
    return scenario


def scenario_kind(name: str) -> type[Scenario]:
    """Return the class of a scenario.

    Raises
    ------
    UnknownPart
        If there is none of that name.
    ConfigError
        If what is registered under the name is no scenario.
    """
    known = parts("scenario")
    if name not in known:
        raise UnknownPart(unknown("scenario", name, known))
    kind = known[name]
    if not (isinstance(kind, type) and issubclass(kind, Scenario) and is_dataclass(kind)):
        raise ConfigError(
            f"scenario {name!r} must be a frozen dataclass that derives from eventsim.scenarios.Scenario, "
            f"got {kind!r}"
        )
    return kind


def unknown(what: str, name: str, known: Iterable[str], of: str = "") -> str:
    """Return one line that says that a name is unknown, which is near, and which there are."""
    from eventsim.io import config

    return f"no {what}{of} named {name!r}; {config.nearest(name, known)}"


def check_hardware(name: str, kind: type[Scenario], hardware: str | None) -> None:
    """Raise `UnknownPart` or `ConfigError` unless the scenario can run on the target asked for."""
    if hardware is None:
        return
    from eventsim.hardware.named import by_name

    by_name(hardware)
    if hardware != "ideal" and not kind.accepts_hardware:
        raise ConfigError(f"{name} runs on the ideal target only, got --hardware {hardware}")


def data_folder(asked: Path | None) -> Path | None:
    """Return the folder of data sets: the one asked for, else EVENTSIM_DATA's, else None.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    given: str | Path | None = asked or os.environ.get("EVENTSIM_DATA")
    if not given:
        return None
    if not Path(given).is_dir():
        source = "--data" if asked else "EVENTSIM_DATA"
        raise ConfigError(f"{source} must name a folder that holds data sets, got {str(given)!r}")
    return Path(given)


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _with_file(request: Request) -> tuple[Request, list[Mapping[str, Any]]]:
    """Return the request with what its configuration file adds, and the layers of settings."""
    from eventsim.io import config

    if request.config is None:
        return request, [request.values]
    values, run = config.read_toml(request.config)
    if run.get("scenario", request.name) != request.name:
        raise ConfigError(
            f"{request.config} is a configuration of {run['scenario']!r}, not of {request.name!r}"
        )
    asked = {"preset": request.preset, "seed": request.seed, "hardware": request.hardware}
    for key in run:
        if key not in (*asked, "scenario"):
            raise ConfigError(f"no key {key!r} in [run] of {request.config}; {config.nearest(key, asked)}")
    for key, value in asked.items():
        if value is None and run.get(key) is not None:
            wanted = int if key == "seed" else str
            if not isinstance(run[key], wanted):
                raise ConfigError(
                    f"{key} in [run] of {request.config} must be {wanted.__name__}, got {run[key]!r}"
                )
            asked[key] = run[key]
    return replace(request, **asked), [values, request.values]  # type: ignore[arg-type]


def _start(request: Request, scenario: Scenario, common: dict[str, Any]) -> Outcome:
    """Begin a new file and run."""
    from eventsim.io import TraceFile, config, datasets

    path, told = request.path, {"preset": request.preset, "seed": request.seed, "hardware": request.hardware}
    if path.exists() and not path.is_dir() and not request.overwrite:
        raise FileExistsError(f"{path} exists already; use --overwrite, --resume, or another name with -o")
    named = scenario.data_sets()
    if common["data"] is not None:
        for name in named:
            datasets.require(name, common["data"])
    file = TraceFile.create(
        path,
        time_unit=scenario.time_unit,
        config=config.to_toml(scenario, scenario=request.name, **told),
        provenance={
            "scenario": request.name,
            "version": eventsim.__version__,
            "paper": scenario.paper,
            **({"dataset": ", ".join(named)} if named else {}),
            **{key: value for key, value in told.items() if value is not None},
        },
        overwrite=request.overwrite,
    )
    run = Run(file=file, seed=request.seed or 0, hardware=request.hardware, **common)
    run.say(f"writing to {path}")
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
    values, told = io.config.from_toml(trace.config, f"the configuration in {path}")
    if told.get("scenario") != request.name:
        raise ConfigError(
            f"{path} is a run of {told.get('scenario') or 'no scenario'!r}, not of {request.name!r}"
        )
    values = todays_values(request.name, values, quiet=True)
    told["preset"] = todays_preset(request.name, told.get("preset"), quiet=True)
    scenario: Scenario = io.config.make(kind, values)
    _check_same(request, kind, values, told, scenario)
    if io.hdf5.is_complete(path):
        return Outcome(request.name, path, scenario, None, already=True)
    file = io.TraceFile.resume(path)
    run = Run(file=file, seed=int(told.get("seed", 0)), hardware=told.get("hardware"), **common)
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
    told: Mapping[str, Any],
    scenario: Scenario,
) -> None:
    """Refuse a request that contradicts the run that it wants to resume."""
    from eventsim.io import config

    request, layers = _with_file(request)
    request = replace(request, preset=todays_preset(request.name, request.preset))
    for key in ("preset", "seed", "hardware"):
        asked, has = getattr(request, key), told.get(key)
        if asked is not None and asked != has:
            raise ConfigError(
                f"{request.path} was begun with {key} {has}, not {asked}; resume it without --{key}"
            )
    wanted: Scenario = config.make(kind, values, *(todays_values(request.name, layer) for layer in layers))
    for key in config.keys(kind):
        has, asked = getattr(scenario, key), getattr(wanted, key)
        if has != asked:
            raise ConfigError(f"{request.path} was begun with {key}={has}, not {asked}; resume it without")


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
