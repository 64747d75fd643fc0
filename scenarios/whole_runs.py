"""A whole run as TOML: scenario, preset, seed and hardware in the table ``[run]``, and the settings.

``eventsim run FILE.toml`` carries it out, ``eventsim show FILE.h5 --toml`` prints that of a run, and
``eventsim list NAME --toml`` prints a start: every setting at its default, with what it means.
"""

import dataclasses
from pathlib import Path
from typing import Any

from eventsim.errors import ConfigError
from eventsim.scenarios.parameters import keys
from eventsim.scenarios.request import Request, scenario_kind, settle

SUFFIX = ".toml"


def described_in(path: Path) -> str:
    """Return the scenario that a file describes a run of.

    Raises
    ------
    ConfigError
        If the file cannot be read, or its table ``[run]`` names no scenario.
    """
    from eventsim.io import config

    _, run = config.read_toml(path)
    name = run.get("scenario")
    if not isinstance(name, str):
        raise ConfigError(
            f'{path} names no scenario; write: [run] and below it scenario = "NAME", '
            "or begin with: eventsim list NAME --toml"
        )
    return name


def of_file(request: Request) -> Request:
    """Return the request with the scenario of its file, where a file of TOML stands in place of a name."""
    path = Path(request.name)
    if path.suffix.lower() != SUFFIX:
        return request
    if request.config is not None:
        raise ConfigError(f"{path} describes the whole run; leave out --config {request.config}")
    output = request.output if request.output is not None else Path(f"{path.stem}.h5")
    return dataclasses.replace(request, name=described_in(path), config=path, output=output)


def template(name: str, preset: str | None = None) -> str:
    """Return a start for a run of a scenario: all settings with their meaning, then ``[run]``.

    Raises
    ------
    UnknownPart
        If there is no such scenario or preset.
    """
    import tomli_w

    kind = scenario_kind(name)
    scenario: Any = settle(kind, name, preset)
    lines = [f"# {name}: run it with: eventsim run FILE.toml"]
    section = None
    for key in keys(kind):
        if key.section != section:
            section = key.section
            lines += ["", f"# {section or 'settings'}"]
        value = getattr(scenario, key.name)
        meaning = key.meaning + (f" ({key.bounds})" if key.bounds else "")
        plain = list(value) if isinstance(value, tuple) else value
        if plain is None:
            line = f"# {key.name} = ...  # none unless given"
        else:
            line = _one_line(tomli_w.dumps({key.name: plain}))
        lines.append(f"{line}  # {meaning}" if meaning else line)
    lines += ["", "[run]", f'scenario = "{name}"']
    lines += [f'preset = "{preset}"'] if preset else []
    lines += ["seed = 0"]
    if kind.accepts_hardware:
        lines += ['# hardware = "brainscales2"  # ideal unless given; see: eventsim list']
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """Return an entry of TOML, whose lists may span lines, in one line."""
    words = " ".join(text.split())
    return words.replace("[ ", "[").replace(", ]", "]")
