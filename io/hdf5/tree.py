"""Nested dictionaries of arrays, numbers and strings as groups and datasets, and back to the bit.

A dictionary is stored as a group, an array as a dataset, a number or string as a scalar dataset. The
attribute ``kind`` keeps the type, so that 1, 1.0, True and an array without axes are read back as they were.
"""

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.hdf5.schema import decode_name, encode_name
from eventsim.io.hdf5.strings import check_strings
from eventsim.io.plain import plain_array

STRING = h5py.string_dtype()


def put_tree(group: h5py.Group, tree: Mapping[str, object], where: str = "state") -> None:
    """Make `group` hold exactly `tree`; a dataset of the same type and shape is written over.

    Raises
    ------
    TypeError
        If a value is no array, number, string, None, or a dictionary, list or tuple of these.
    """
    names = {}
    for key in tree:
        if not isinstance(key, str):
            raise TypeError(f"keys of {where} must be strings, got {key!r}")
        names[encode_name(key)] = key
    for name in set(group) - set(names):
        del group[name]
    for name, key in names.items():
        _put(group, name, tree[key], f"{where}/{key}")


def get_tree(group: h5py.Group) -> dict[str, Any]:
    """Return what `put_tree` put into `group`."""
    return {decode_name(name): _get(item) for name, item in group.items()}


def n_bytes(*values: object) -> int:
    """Return how many bytes values may take in a file, with what HDF5 stores beside each of them."""
    total = 0
    for value in values:
        if isinstance(value, Mapping):
            total += 2048 + n_bytes(*value.values()) + sum(len(str(key)) for key in value)
        elif isinstance(value, list | tuple):
            total += 2048 + n_bytes(*value)
        elif isinstance(value, np.ndarray):
            total += 1024 + value.nbytes
        else:
            total += 1024 + (4 * len(value) if isinstance(value, str) else 0)
    return total


def put_array(group: h5py.Group, name: str, value: ArrayLike, where: str) -> h5py.Dataset:
    """Write an array under `name`, in place of what was there.

    Raises
    ------
    TypeError
        If the value is no array of numbers, truth values or strings.
    ValueError
        If the name is taken by a group, or part of it by an array.
    """
    array = plain_array(value, where)
    kind = ""
    if array.dtype.kind in "UT":
        array, kind = array.astype(object), "strings"
    elif array.dtype.hasobject or array.dtype.kind in "mM":
        raise TypeError(f"{where} must hold numbers, truth values or strings, got dtype {array.dtype}")
    old = group.get(name)
    if isinstance(old, h5py.Group):
        raise ValueError(f"{where} would stand where {where}/{next(iter(old), '...')} is")
    if kind == "" and old is not None and old.shape == array.shape and old.dtype == array.dtype:
        old.attrs.pop("kind", None)
        if array.size:
            old[...] = array
        return old
    if kind and old is not None and old.attrs.get("kind") == kind and np.array_equal(get_array(old), value):
        return old  # deleted strings leave holes in the file
    if old is not None:
        del group[name]
    parents = name.split("/")[:-1]
    if any(isinstance(group.get("/".join(parents[: k + 1])), h5py.Dataset) for k in range(len(parents))):
        raise ValueError(f"{where} would stand below an array of the same name")
    dataset = group.create_dataset(name, data=array, dtype=STRING if kind else None)
    if kind:
        dataset.attrs["kind"] = kind
    return dataset


def get_array(dataset: h5py.Dataset) -> NDArray[Any]:
    """Return the array that `put_array` wrote.

    Raises
    ------
    ValueError
        If it is an array of something else.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{dataset.name} should be an array")
    strings = h5py.check_string_dtype(dataset.dtype)
    if strings is not None and strings.length is None:
        check_strings(dataset)
        return np.asarray(dataset.asstr()[...]).astype(str)
    if dataset.dtype.kind not in "biufcS":
        raise ValueError(f"{dataset.name} holds elements of an unknown type, {dataset.dtype}")
    return np.asarray(dataset[...])


def get_text(item: h5py.Dataset) -> str:
    """Return a single string of a file.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(item, h5py.Dataset) or item.shape != ():
        raise ValueError(f"{item.name} should be a string")
    check_strings(item)
    return str(item.asstr()[()])


def _put(group: h5py.Group, name: str, value: Any, where: str) -> None:
    if isinstance(value, np.ndarray):
        if isinstance(group.get(name), h5py.Group):
            del group[name]
        put_array(group, name, value, where)
    elif isinstance(value, Mapping | list | tuple):
        old = group.get(name)
        if isinstance(old, h5py.Dataset):
            del group[name]
        below = group.require_group(name)
        if isinstance(value, Mapping):
            below.attrs.pop("kind", None)
            put_tree(below, value, where)
        else:
            below.attrs["kind"] = "list" if isinstance(value, list) else "tuple"
            put_tree(below, {str(k): item for k, item in enumerate(value)}, where)
    else:
        kind, stored, dtype = _scalar(value, where)
        old = group.get(name)
        if isinstance(old, h5py.Dataset) and old.attrs.get("kind") == kind:
            # Written over where possible: what is deleted, strings above all, leaves holes in the file.
            if dtype not in (None, STRING):
                old[()] = stored
                return
            if kind == "none" or (dtype is STRING and old.asstr()[()] == stored):
                return
        if old is not None:
            del group[name]
        group.create_dataset(name, data=stored, dtype=dtype).attrs["kind"] = kind


def _scalar(value: Any, where: str) -> tuple[str, Any, Any]:
    """Return how a number, string or None is stored: kind, value, dtype."""
    if value is None:
        return "none", h5py.Empty("f8"), None
    if isinstance(value, bool | np.bool_):
        return "bool", bool(value), None
    if isinstance(value, int | np.integer):
        number = int(value)
        if -(2**63) <= number < 2**63:
            return "int", number, np.int64
        return "bigint", str(number), STRING  # states of generators have 128 bits
    if isinstance(value, float | np.floating):
        return "float", float(value), np.float64
    if isinstance(value, complex | np.complexfloating):
        return "complex", complex(value), np.complex128
    if isinstance(value, str):
        return "str", value, STRING
    raise TypeError(
        f"{where} is of type {type(value).__name__}; only arrays, numbers, strings and dictionaries of them "
        "can be stored"
    )


def _get(item: h5py.Group | h5py.Dataset) -> Any:
    kind = item.attrs.get("kind")
    if isinstance(item, h5py.Group):
        tree = get_tree(item)
        if kind in ("list", "tuple"):
            if tree.keys() != {str(k) for k in range(len(tree))}:
                raise ValueError(f"the entries of {item.name} should be numbered, got {sorted(tree)[:5]}")
            items = [tree[str(k)] for k in range(len(tree))]
            return items if kind == "list" else tuple(items)
        return tree
    if kind is None or kind == "strings":
        return get_array(item)
    if kind == "none":
        return None
    if kind in ("str", "bigint"):
        text = get_text(item)
        return text if kind == "str" else int(text)
    if kind not in _NUMBERS or item.shape != ():
        raise ValueError(f"{item.name} should be a number, a string or an array, but is called {kind!r}")
    return _NUMBERS[kind](item[()])


_NUMBERS = {"bool": bool, "int": int, "float": float, "complex": complex}
