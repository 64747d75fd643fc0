"""Layers as plain data: names and settings, from which the same layers are made again; nothing is executed.

A setting of a layer is an argument of its constructor, kept under that name. Arrays are not part of it: they
are in `state_dict`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from eventsim.models import layers as all_layers
from eventsim.models.layers.layer import Layer
from eventsim.models.layers.quantizers import Quantizer
from eventsim.models.layers.rounded_state import Rounding
from eventsim.models.layers.s4d_quantization import StateSpaceQuantization
from eventsim.models.layers.sequential import Sequential

__all__ = ["described", "made", "plain", "rebuilt", "value_of"]

RECORDS: dict[str, Any] = {each.__name__: each for each in (Quantizer, Rounding, StateSpaceQuantization)}
KIND = "kind"  # of what is no number, string, list or nothing


def plain(value: Any) -> Any:
    """Return a setting as numbers, strings, lists and dictionaries.

    Raises
    ------
    TypeError
        If that is not possible.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {KIND: "array", "values": value.tolist()}
    if isinstance(value, list | tuple):
        return {KIND: type(value).__name__, "values": [plain(each) for each in value]}
    if is_dataclass(value) and RECORDS.get(type(value).__name__) is type(value):
        return {KIND: type(value).__name__} | {
            each.name: plain(getattr(value, each.name)) for each in fields(value)
        }
    if isinstance(value, Layer):
        return described(value)
    raise TypeError(f"{value!r:.60} cannot be stored in a file")


def value_of(data: Any) -> Any:
    """Return the setting that `plain` wrote.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(data, Mapping):
        return data
    rest = {name: each for name, each in data.items() if name != KIND}
    kind = data.get(KIND)
    if kind == "array":
        return np.array(rest["values"], np.float64)
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(value_of(each) for each in rest["values"])
    if kind == "layer":
        return made(data)
    if kind in RECORDS:
        return RECORDS[kind](**{name: value_of(each) for name, each in rest.items()})
    raise ValueError(f"no setting is of the kind {kind!r:.60}")


def described(layer: Layer) -> dict[str, Any]:
    """Return the class and the settings of a layer.

    Raises
    ------
    TypeError
        If it is one of somebody's own, or a setting is no plain data.
    """
    name = type(layer).__name__
    if getattr(all_layers, name, None) is not type(layer):
        raise TypeError(f"{name} is no layer of eventsim.models.layers, so it cannot be stored in a file")
    settings = {}
    for key in inspect.signature(type(layer)).parameters:
        kept = "n_to" if key == "n_out" else key  # n_out is 0 before the layer is built
        settings[key] = plain(getattr(layer, kept))
    found = {KIND: "layer", "layer": name, "settings": settings}
    return found | ({"parametrisation": layer.parametrisation} if hasattr(layer, "parametrisation") else {})


def made(data: Mapping[str, Any]) -> Layer:
    """Return a layer that is not built yet.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    name = data["layer"]
    cls = getattr(all_layers, name, None) if isinstance(name, str) and name in dir(all_layers) else None
    if not (isinstance(cls, type) and issubclass(cls, Layer)):
        raise ValueError(f"no layer is named {name!r:.60}")
    layer: Layer = cls(**{key: value_of(each) for key, each in data["settings"].items()})
    return layer


def rebuilt(data: Mapping[str, Any], n_in: int, state: Mapping[str, Any], dtype: DTypeLike) -> Sequential:
    """Return a model with the arrays of a `state_dict`."""
    model = made(data)
    if not isinstance(model, Sequential):
        raise ValueError(f"a model is a Sequential, got {type(model).__name__}")
    model.build(n_in, np.random.default_rng(0), dtype)
    for place, layer in model.all_layers():
        own: Any = data
        for key in place.split("/"):
            own = own["settings"]["layers"]["values"][int(key)]
        if "parametrisation" in own:
            layer.convert(own["parametrisation"])  # type: ignore[attr-defined]
    model.adopt()
    model.load_state_dict(state)
    return model
