"""A declared network in a file: JSON that people can read, and the elements of its arrays beside it.

The text says of an array its type, where it begins among the elements of that type, and its shape. Long lists
of numbers are stored like arrays. Numbers are read back to the bit.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.io.hdf5.tree import STRING, get_text

DECLARATION = "network"
LONG = 16
"""Entries from which a list of numbers is stored as an array."""
KINDS = "biufc"


def put_declaration(ours: h5py.Group, plain: Mapping[str, Any]) -> None:
    """Write a network, in place of the one that was there."""
    arrays: dict[str, list[NDArray[Any]]] = {}
    sizes: dict[str, int] = {}
    top = {key: _text_of(value, arrays, sizes) for key, value in plain.items()}
    text = json.dumps(top, allow_nan=False, indent=1, ensure_ascii=False)
    if DECLARATION in ours:
        del ours[DECLARATION]
    group = ours.create_group(DECLARATION)
    group.create_dataset("text", data=text, dtype=STRING)
    below = group.create_group("arrays")
    for name, blocks in arrays.items():
        below.create_dataset(name, data=np.concatenate(blocks))


def get_declaration(ours: h5py.Group) -> dict[str, Any]:
    """Return the network that `put_declaration` wrote; empty if there is none.

    Raises
    ------
    ValueError
        If the text is not what it should be, or refers to elements that are not there.
    """
    if DECLARATION not in ours:
        return {}
    group = ours[DECLARATION]
    text = json.loads(get_text(group["text"]))
    if not isinstance(text, dict):
        raise ValueError(f"{group.name}/text is no network")
    found = {}
    for name, elements in group["arrays"].items():
        if not isinstance(elements, h5py.Dataset) or elements.dtype.kind not in KINDS or elements.ndim != 1:
            raise ValueError(f"{group.name}/arrays/{name} should be numbers along one axis")
        found[name] = np.asarray(elements[...])
    return {key: _value_of(value, found) for key, value in text.items()}


def _text_of(value: Any, arrays: dict[str, list[NDArray[Any]]], sizes: dict[str, int]) -> Any:
    """Return a value as JSON has it, and put arrays beside it."""
    if isinstance(value, np.ndarray):
        return {"array": _laid_down(value, arrays, sizes), "shape": list(value.shape)}
    if isinstance(value, Mapping):
        return {"": {key: _text_of(each, arrays, sizes) for key, each in value.items()}}
    if isinstance(value, list | tuple):
        kinds = set(map(type, value)) if len(value) >= LONG else set()
        if kinds in ({float}, {int}) and (kinds == {float} or max(map(abs, value)) < 1 << 63):
            place = _laid_down(np.array(value, np.float64 if kinds == {float} else np.int64), arrays, sizes)
            return {"numbers": place, "length": len(value), "tuple": isinstance(value, tuple)}
        items = [_text_of(each, arrays, sizes) for each in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _laid_down(
    array: NDArray[Any], arrays: dict[str, list[NDArray[Any]]], sizes: dict[str, int]
) -> list[Any]:
    """Put the elements of an array behind those of its type, and return type and place."""
    name = array.dtype.newbyteorder("=").name
    place = sizes.get(name, 0)
    arrays.setdefault(name, []).append(np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1))
    sizes[name] = place + array.size
    return [name, place]


def _value_of(text: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the value that `_text_of` turned into JSON."""
    if isinstance(text, list):
        return [_value_of(each, arrays) for each in text]
    if not isinstance(text, dict):
        return text
    if "" in text:
        return {key: _value_of(each, arrays) for key, each in text[""].items()}
    if "array" in text:
        shape = tuple(map(int, text["shape"]))
        array = _elements(text["array"], math.prod(shape), arrays).reshape(shape)
        array.setflags(write=False)
        return array
    if "numbers" in text:
        numbers = _elements(text["numbers"], int(text["length"]), arrays).tolist()
        return tuple(numbers) if text["tuple"] else numbers
    if "tuple" in text:
        return tuple(_value_of(each, arrays) for each in text["tuple"])
    if "float" in text:
        return float(text["float"])
    raise ValueError(f"the text of the network has an entry of an unknown kind, {str(text)[:60]}")


def _elements(place: Any, size: int, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    name, start = place
    elements = arrays.get(name, np.zeros(0))
    if not (isinstance(start, int) and 0 <= start <= start + size <= len(elements)):
        raise ValueError(f"the text of the network names {size} elements of {name!r} that are not there")
    return elements[start : start + size]
