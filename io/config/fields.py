"""A configuration from layers of values, every value checked against the annotation of its field."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from eventsim.errors import ConfigError
from eventsim.io.config.messages import explain, innermost, nearest, show

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def make(kind: type[T], *layers: Mapping[str, object]) -> T:
    """Return the configuration that layers of values describe, the later winning.

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
    from pydantic import ValidationError

    values: dict[str, Any] = {}
    try:
        for layer in layers:
            _merge(values, layer)
        made: T = _adapter(typing.cast("Hashable", kind)).validate_python(_prepare(kind, values, ""))
    except ValidationError as error:
        raise ConfigError(
            "; ".join(explain(each, keys(kind)) for each in innermost(error.errors())[:3])
        ) from None
    except RecursionError:
        raise ConfigError("the configuration is nested too deeply") from None
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error)) from None
    return made


@functools.lru_cache(maxsize=64)  # one takes tens of milliseconds, and each row of a paper's table needs one
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    """Return what checks the values of a kind of configuration."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@functools.lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    """Return the annotations of a kind of configuration, without their bounds."""
    return typing.get_type_hints(kind)


def keys(kind: type) -> list[str]:
    """Return the keys of a kind of configuration."""
    return [field.name for field in dataclasses.fields(kind) if field.init]


def _merge(values: dict[str, Any], layer: Mapping[str, object]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        elif isinstance(value, Mapping):
            values[key] = {}
            _merge(values[key], value)
        else:
            values[key] = value


def _prepare(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values as pydantic takes them, after the checks that it does not make."""
    hints = _hints(kind)
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
            raise ConfigError(f"{where}{key} = {show(value)}: must be a number")
        elif isinstance(value, float) and math.isnan(value):
            raise ConfigError(f"{where}{key} = nan: must be a number")
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
