"""Damages of nested values that a file holds: states of classifiers, declarations of networks, JSON."""

import copy
import json
import pickle
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eventsim.io import load, save
from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.tree import put_tree

__all__ = ["change_tree", "changed_declaration", "changed_json", "changed_state"]

PLAIN: list[Any] = [
    None, -1, 0, 2**62, 1e300, float("nan"), float("inf"), "text", "", [], ["a"], {}, {"a": 1}, True,
    [1, "a"], 1.5, 2**64, [[]], -(2**70), "nan", "1",
]  # fmt: skip
ARRAYS = [
    np.zeros((0, 3)), np.full((3, 2), np.nan), np.array(["a", "b"]), np.arange(5), np.array(-1.0),
    np.zeros(1), np.array([True, False]), np.full(2, 2**62),
]  # fmt: skip


NOT_HELD = (TypeError, ValueError, OverflowError, RecursionError, KeyError, OSError)
"""What is raised for a value that a file cannot hold."""


def change_tree(tree: Any, rng: random.Random, values: list[Any]) -> None:
    """Change one value somewhere in dictionaries and lists within each other."""
    places: list[tuple[Any, Any]] = []

    def visit(group: Any) -> None:
        for key in list(group) if isinstance(group, dict) else range(len(group)):
            places.append((group, key))
            if isinstance(group[key], dict | list):
                visit(group[key])

    visit(tree)
    if not places:
        return
    group, key = rng.choice(places)
    value = copy.deepcopy(rng.choice(values))  # a second change may be one within it
    if rng.random() < 0.15:
        del group[key]
    elif rng.random() < 0.2:
        others = [other for other, _ in places if isinstance(other, dict | list)]
        other, place = rng.choice([(own, at) for own, at in places if any(own is each for each in others)])
        group[key] = other[place] if not isinstance(other[place], dict | list) else value
    elif isinstance(group[key], np.ndarray) and group[key].size and rng.random() < 0.5:
        group[key] = _changed_array(group[key], rng)
    else:
        group[key] = value


def _changed_array(array: Any, rng: random.Random) -> Any:
    """Return an array with one element changed, or another shape or type."""
    changed = np.array(array)
    kind = rng.randrange(4)
    if kind == 0:
        return changed.reshape(-1)
    if kind == 1:
        return changed[:-1] if changed.ndim else changed
    if kind == 2:
        return changed.astype(rng.choice(["f4", "i8", "S3", "?"]))
    if changed.dtype.kind in "iuf":
        with np.errstate(all="ignore"):
            value = np.float64(rng.choice([np.nan, np.inf, -1.0, 1e300, 2.0**40])).astype(changed.dtype)
        changed.reshape(-1)[rng.randrange(changed.size)] = value
    return changed


def _changed_trace(content: bytes, scratch: Path, change: Callable[[Any], None]) -> bytes:
    """Return a file of ours, read, changed and written again; as it was if a file cannot hold the change."""
    path = scratch / "tree.h5"
    trace = copy.deepcopy(_read(content, path))
    change(trace)
    try:
        save(trace, path, overwrite=True)
    except NOT_HELD:
        return content
    return path.read_bytes()


@lru_cache(maxsize=2)
def _read(content: bytes, path: Path) -> Any:
    """Return what a good file holds, which is read once."""
    path.write_bytes(content)
    return load(path)


def changed_state(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a file with one value of its state changed, in place: to write all of it again takes longer."""
    path = scratch / "tree.h5"
    old = _read(content, path).state
    new = copy.deepcopy(old)
    change_tree(new, rng, [*PLAIN, *ARRAYS])
    path.write_bytes(content)
    try:
        with h5py.File(path, "r+") as file:
            _put_change(file[f"{schema.ROOT}/state"], old, new)
    except NOT_HELD:
        return content
    return path.read_bytes()


def _put_change(group: h5py.Group, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Write what differs into the group that holds it."""
    differ = [key for key in old if key not in new or pickle.dumps(old[key]) != pickle.dumps(new[key])]
    if len(differ) == 1 and all(isinstance(each.get(differ[0]), dict) for each in (old, new)):
        _put_change(group[schema.encode_name(differ[0])], old[differ[0]], new[differ[0]])
    else:
        put_tree(group, new)


def changed_declaration(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a file with one value of its declared network changed."""

    def change(trace: Any) -> None:
        plain = trace.declaration
        places = [plain, *plain["populations"], *plain["projections"], *plain["plasticity"]]
        places += [each["model"]["values"] for each in plain["populations"]]
        change_tree(rng.choice(places), rng, [*PLAIN, *ARRAYS])

    return _changed_trace(content, scratch, change)


def changed_json(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a text of JSON with one or two values changed."""
    tree = json.loads(content)
    for _ in range(rng.randint(1, 2)):
        change_tree(tree, rng, PLAIN)
    return json.dumps(tree, indent=1).encode()
