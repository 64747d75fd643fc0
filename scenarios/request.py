"""What somebody asks for, and the configuration that follows from it, checked before anything is written.

Settings come, the later winning, from the class's defaults, the preset, the configuration file and the single
values given.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import ConfigError, UnknownPart
from eventsim.io.plain import one_path, shown, truth
from eventsim.registry import find, parts
from eventsim.scenarios.earlier_names import todays_preset, todays_values
from eventsim.scenarios.scenario import Scenario


def check_whole(value: Any, name: str, least: int | None = None) -> None:
    """Raise TypeError unless a value is a whole number or None, ConfigError if it is below the least one."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    if least is not None and value < least:
        raise ConfigError(f"{name} must be at least {least}, got {value}")


def check_name(value: Any, name: str, example: str, optional: bool = False) -> None:
    """Raise TypeError unless a value is a text, or None where that is possible."""
    if not isinstance(value, str) and not (optional and value is None):
        raise TypeError(f"{name} must be a text, such as {example!r}, got {shown(value)}")


def check_callable(value: Any, name: str) -> None:
    """Raise TypeError unless a value can be called."""
    if not callable(value):
        raise TypeError(
            f"{name} must be a function that takes a line of text, such as print, got {shown(value)}"
        )


def check_settings(values: Any, name: str) -> None:
    """Raise TypeError unless values are a mapping by text."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a mapping by key, such as {{'epochs': 3}}, got {shown(values)}")
    for key in values:
        check_name(key, f"a key of {name}", "epochs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for: a scenario by name, and how to run it.

    Attributes
    ----------
    name : of the scenario.
    values : single settings by key.
    preset, config, hardware, seed, threads : None where nothing was asked for.
    data : folder of data sets; the environment variable EVENTSIM_DATA where None.
    output : the file to write, a path or a text; a name made from scenario, preset and seed where None.
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

    def __post_init__(self) -> None:
        """Take texts for paths too; raise TypeError for what is of a wrong type."""
        for name in ("config", "data", "output"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, one_path(given, name))
        check_name(self.name, "the name of a scenario", "yin-yang")
        for name, example in (("preset", "quick"), ("hardware", "brainscales2")):
            check_name(getattr(self, name), name, example, optional=True)
        check_settings(self.values, "values")
        for name in ("seed", "threads"):
            check_whole(getattr(self, name), name)
        for name in ("resume", "overwrite", "quiet"):
            truth(getattr(self, name), name)

    @property
    def path(self) -> Path:
        """Where the file goes."""
        if self.output is not None:
            return self.output
        preset = f"-{self.preset}" if self.preset else ""
        return Path(f"{self.name}{preset}-seed{self.seed or 0}.h5")

    def resumed(self) -> list[str]:
        """Return the command that goes on with the run when it was stopped."""
        command = ["eventsim", "run", self.name, "-o", str(self.path), "--resume"]
        return [*command, "--data", str(self.data)] if self.data else command


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
    try:
        kind = find("scenario", name)
    except UnknownPart:
        raise UnknownPart(unknown("scenario", name, parts("scenario"))) from None
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


def data_folder(asked: Path | str | None) -> Path | None:
    """Return the folder of data sets: the one asked for, else EVENTSIM_DATA's, else None.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    given: Any = asked or os.environ.get("EVENTSIM_DATA")
    if not given:
        return None
    if not one_path(given, "data").is_dir():
        source = "--data" if asked else "EVENTSIM_DATA"
        raise ConfigError(f"{source} must name a folder that holds data sets, got {str(given)!r}")
    return Path(given)


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def with_file(request: Request) -> tuple[Request, list[Mapping[str, Any]]]:
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
