"""Configurations as text: words of the command line, and TOML."""

import dataclasses
import datetime
import enum
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import ConfigError

RUN = "run"
"""The table of a file that says how to run, beside the keys of the configuration itself."""


def parse_overrides(words: Iterable[str]) -> dict[str, Any]:
    """Return the values that words of the form ``key=value`` set.

    A value is read as TOML; a value that is no TOML is a string, so quotes may be left out. Dots in a
    key lead into nested configurations.

    Raises
    ------
    ConfigError
        If a word has no ``=`` or no key, or sets a key that another has set.

    >>> parse_overrides(["n_hidden=30", "rates=[1, 2.5]", "loss=ttfs", "adam.lr=1e-3"])
    {'n_hidden': 30, 'rates': [1, 2.5], 'loss': 'ttfs', 'adam': {'lr': 0.001}}
    """
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise ConfigError(f"{word!r} sets nothing; write key=value, such as n_hidden=30")
        below = values
        for part in parts[:-1]:
            below = below.setdefault(part, {})
            if not isinstance(below, dict):
                raise ConfigError(f"{word!r} sets a part of {part!r}, which another word sets as a whole")
        if parts[-1] in below:
            raise ConfigError(f"{key.strip()} is set twice; the second is {word!r}")
        below[parts[-1]] = _value(text.strip())
    return values


def read_toml(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's configuration values and its ``[run]`` table.

    Raises
    ------
    ConfigError
        If the file cannot be read or is no TOML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"cannot read configuration {path}: {why}") from None
    return from_toml(text, str(path))


def from_toml(text: str, source: str = "the configuration") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration values in a text and its ``[run]`` table.

    Raises
    ------
    ConfigError
        If it is no TOML; the message has line and column.
    """
    try:
        values = tomllib.loads(text.removeprefix("\ufeff"))  # some editors begin a file with this mark
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, and numbers with more digits than Python reads
        raise ConfigError(f"{source} is not TOML: {error}") from None
    run = values.pop(RUN, {})
    if not isinstance(run, dict):
        raise ConfigError(f"{RUN} in {source} must be a table, [{RUN}], got {run!r}")
    return values, run


def to_toml(config: object, **run: object) -> str:
    """Return a configuration as TOML, with how it was run in the table ``[run]``.

    None is left out where it is the default, else written as ``"none"``.
    """
    import tomli_w

    values = _plain(config)
    run = {key: _plain(value) for key, value in run.items() if value is not None}
    return tomli_w.dumps(values | ({RUN: run} if run else {}))


def _value(text: str) -> Any:
    """Return a word as the TOML value it spells, else as the string it is."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = parsed["value"]
    if len(parsed) > 1 or isinstance(value, datetime.date | datetime.time):
        return text
    return value


def _plain(value: Any) -> Any:
    """Return a value in TOML's types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for field in dataclasses.fields(value):
            if not field.init:
                continue
            item = getattr(value, field.name)
            if item is not None:
                plain[field.name] = _plain(item)
            elif field.default is not None:
                plain[field.name] = "none"
        return plain
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
