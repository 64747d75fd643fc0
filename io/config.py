"""Configurations: frozen dataclasses, to and from TOML, checked before anything runs.

A configuration's fields are its keys, their annotations say what is allowed
(``Annotated[float, Gt(0)]`` with the bounds of `annotated_types`), their defaults are the published
values. Layers are laid over each other, the later winning: a preset, a file, ``key=value`` words
from the command line. As text:

    n_hidden = 30               # the configuration's own keys
    [run]                       # how it was run: scenario, preset, seed, ...
    scenario = "yin-yang"
"""

import dataclasses
import datetime
import difflib
import enum
import math
import os
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from eventsim.errors import ConfigError

T = TypeVar("T")
RUN = "run"
"""The table of a file that says how to run, beside the keys of the configuration itself."""


def parse_overrides(words: Iterable[str]) -> dict[str, Any]:
    """Return the values that words of the form ``key=value`` set.

    A value is read as TOML; what TOML does not know is a string, so quotes may be left out. Dots in a
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
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from None
    run = values.pop(RUN, {})
    if not isinstance(run, dict):
        raise ConfigError(f"{RUN} in {source} must be a table, [{RUN}], got {run!r}")
    return values, run


def to_toml(config: Any, **run: Any) -> str:
    """Return a configuration as TOML, with how it was run in the table ``[run]``.

    None is left out where it is the default, else written as ``"none"``.
    """
    import tomli_w

    values = _plain(config)
    run = {key: _plain(value) for key, value in run.items() if value is not None}
    return tomli_w.dumps(values | ({RUN: run} if run else {}))


def make(kind: type[T], *layers: Mapping[str, Any]) -> T:
    """Return the configuration of a kind that the layers describe, the later winning.

    Parameters
    ----------
    kind : type
        A dataclass.
    layers : mappings
        Values by key; a mapping inside is a nested configuration.

    Raises
    ------
    ConfigError
        In one line: the key, the value, and what would be right. Keys that do not exist are refused
        with the nearest that do.
    """
    from pydantic import TypeAdapter, ValidationError

    values: dict[str, Any] = {}
    for layer in layers:
        _lay_over(values, layer)
    prepared = _prepare(kind, values, "")
    try:
        return TypeAdapter(kind).validate_python(prepared)
    except ValidationError as error:
        raise ConfigError(
            "; ".join(_explain(dict(mistake), kind) for mistake in error.errors()[:3])
        ) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error)) from None


def keys(kind: type) -> list[str]:
    """Return the keys of a kind of configuration."""
    return [field.name for field in dataclasses.fields(kind) if field.init]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: what was probably meant, and what there is."""
    known = list(known)
    close = difflib.get_close_matches(name, known, 3, 0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def _value(text: str) -> Any:
    """Return a word as the TOML value it spells, else as the string it is."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = parsed["value"]
    if len(parsed) > 1 or isinstance(value, datetime.date | datetime.time):
        return text
    return value


def _lay_over(values: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), dict):
            _lay_over(values[key], value)
        elif isinstance(value, Mapping):
            values[key] = {}
            _lay_over(values[key], value)
        else:
            values[key] = value


def _prepare(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values as pydantic takes them, after the checks that it does not make."""
    hints = typing.get_type_hints(kind)
    prepared: dict[str, Any] = {}
    for key, value in values.items():
        if key not in keys(kind):
            raise ConfigError(f"no key {where + key!r}; {nearest(key, keys(kind))}")
        choices = _choices(hints[key])
        nested = [
            choice for choice in choices if isinstance(choice, type) and dataclasses.is_dataclass(choice)
        ]
        if isinstance(value, Mapping) and len(nested) == 1:
            value = _prepare(nested[0], value, f"{where}{key}.")
        elif value == "none" and type(None) in choices and str not in choices:
            value = None
        elif isinstance(value, bool) and bool not in choices and {int, float} & set(choices):
            raise ConfigError(f"{where}{key} = {_show(value)}: should be a number")
        elif isinstance(value, float) and math.isnan(value):
            raise ConfigError(f"{where}{key} = nan: should be a number")
        elif isinstance(value, int | float) and choices == [str]:
            value = str(value)  # name=3 needs no quotes
        prepared[key] = value
    return prepared


def _choices(hint: Any) -> list[Any]:
    """Return the types that an annotation allows, without their bounds."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _choices(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [choice for part in typing.get_args(hint) for choice in _choices(part)]
    return [hint]


def _explain(mistake: dict[str, Any], kind: type) -> str:
    """Return one of pydantic's findings as a line in our words."""
    where = ".".join(str(part) for part in mistake["loc"] if not _is_type_name(part, kind))
    text = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = text.removeprefix("Input ").replace(
        "valid integer, unable to parse string as an integer", "integer"
    )
    text = text.replace("valid number, unable to parse string as a number", "number")
    text = text.replace("valid boolean, unable to interpret input", "true or false")
    text = text.replace("a integer", "an integer").replace("a valid tuple", "a list, such as [1, 2]")
    text = text.replace("be a true", "be true")
    if mistake["type"] == "missing":
        return f"{where} must be given"
    if not where:
        return text
    return f"{where} = {_show(mistake['input'])}: {text}"


def _is_type_name(part: Any, kind: type) -> bool:
    """Tell whether a step of pydantic's path is a member of a union, not a key."""
    return (
        isinstance(part, str) and part in {"int", "float", "str", "bool", "none"} and part not in keys(kind)
    )


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
