"""Damages of the structure of HDF5 files: what no disk does, but what another program may write."""

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["changed_structure"]

NOTHING_DONE = (LookupError, ValueError, OSError, TypeError, RuntimeError, OverflowError)
"""What h5py says if a change cannot be made; the file stays as it is."""
EXTREMES = (0, 1, -1, 2**31, 2**62, -(2**63), 2**63, 1e300, -1e300, 1e-300, float("nan"), float("inf"))
VALUES: list[Any] = [
    np.arange(3.0),
    np.arange(3, dtype=np.uint64),
    np.array([]),
    np.float64("nan"),
    "text",
    "",
    h5py.Empty("f8"),
    np.zeros(2, "f4,i8"),
    np.array([b"a", b"bc"]),
    -1,
    2**63,
    [[1, 2], [3, 4]],
    True,
    1e300,
    np.complex128(1j),
    b"\xff\xfe",
]


def changed_structure(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return an HDF5 file with one or two objects changed through the library."""
    path = scratch / "structure.h5"
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        for _ in range(rng.randint(1, 2)):
            with contextlib.suppress(*NOTHING_DONE):
                _change(file, rng)
    return path.read_bytes()


def _change(file: h5py.File, rng: random.Random) -> None:
    """Do something to an open file that its writer would not do."""
    places: list[str] = []
    file.visit(places.append)
    places.sort()
    place, other = rng.choice(places), rng.choice(places)
    way = _expanding if rng.random() < 0.01 else rng.choice(WAYS)
    way(file, place, other, rng)


def _is_small(thing: Any) -> bool:
    """Return whether a thing is a dataset that can be read; one may declare terabytes by now."""
    return isinstance(thing, h5py.Dataset) and thing.shape is not None and thing.size <= 1_000_000


def _delete(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    del file[place]


def _other_value(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    attributes = dict(file[place].attrs)
    del file[place]
    file[place] = rng.choice(VALUES)
    if rng.random() < 0.5:
        file[place].attrs.update(attributes)


def _group_for_it(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    del file[place]
    file.create_group(place)


def _attribute(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Delete an attribute, give it another value, or one of its own type."""
    own = file[place].attrs
    if not len(own) or rng.random() < 0.15:
        own[rng.choice(["kind", "index", "every", "format_version", "units", "x"])] = rng.choice(VALUES)
        return
    name = rng.choice(sorted(own))
    kind = rng.randrange(4)
    if kind == 0:
        del own[name]
    elif kind == 1:
        own[name] = rng.choice(VALUES)
    elif isinstance(own[name], str):
        own[name] = rng.choice(["", "x" * 70_000, "\n", "none", own[name][:-1], own[name] + "s", "a/b", "é"])
    else:
        with np.errstate(all="ignore"):
            own[name] = np.asarray(rng.choice(EXTREMES), np.float64).astype(np.asarray(own[name]).dtype)


def _link(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    link = rng.choice([h5py.SoftLink("/" + other), h5py.SoftLink("."), h5py.ExternalLink("good.h5", other)])
    file[f"{place}/new" if isinstance(file[place], h5py.Group) else f"{place}.new"] = link


def _second_name(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    if isinstance(file[place], h5py.Group):
        file[f"{place}/again"] = file[other]


def _moved(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Swap two objects, or rename one."""
    if rng.random() < 0.4:
        file.move(place, place.rpartition("/")[0] + rng.choice(["/x", "/0", "/é\n", "/" + "n" * 300, "/%2F"]))
        return
    if place.startswith(other) or other.startswith(place):
        return
    file.move(place, "aside")
    file.move(other, place)
    file.move("aside", other)


def _declared(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Declare more elements than are stored."""
    shape = rng.choice([(10**9,), (10**5, 10**5), (0, 3), (2**40,), (), (2**31, 2**31)])
    dtype = rng.choice(["f8", "u8", "f4", h5py.string_dtype(), h5py.vlen_dtype("f8"), "S1000000"])
    attributes = dict(file[place].attrs)
    del file[place]
    chunks = tuple(min(n, 64) or 1 for n in shape) if shape and rng.random() < 0.5 else None
    file.create_dataset(place, shape, dtype, chunks=chunks)
    file[place].attrs.update(attributes)


def _replaced(file: h5py.File, place: str, change: Callable[[Any], Any], **storage: Any) -> None:
    """Put an array in place of a dataset, computed from it."""
    old = file[place]
    if not _is_small(old):
        return
    attributes, values = dict(old.attrs), change(old[()])
    del file[place]
    file.create_dataset(place, data=values, **storage).attrs.update(attributes)


def _other_dtype(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    dtype = rng.choice(["i1", "u1", ">f4", ">i8", "f2", "u8", "S5", "?", "c16", "i2", "f16"])
    _replaced(file, place, lambda values: np.asarray(values).astype(dtype))


def _other_shape(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    changes: list[Callable[[Any], Any]] = [
        lambda values: np.asarray(values)[None],
        lambda values: np.asarray(values)[..., None],
        lambda values: np.asarray(values)[:-1],
        lambda values: np.asarray(values)[:0],
        lambda values: np.concatenate([values, values]),
        lambda values: np.asarray(values).T,
        lambda values: np.asarray(values).reshape(-1),
        lambda values: np.asarray(values).reshape(-1)[0],
        lambda values: np.asarray(values)[::-1],
    ]
    _replaced(file, place, rng.choice(changes))


def _other_storage(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Store a dataset in chunks, compressed: the same values, so that most files stay good."""
    filters: list[dict[str, Any]] = [
        {"compression": "gzip"},
        {"compression": "lzf"},
        {"shuffle": True, "compression": "gzip"},
        {"fletcher32": True},
        {"scaleoffset": 2},
    ]
    _replaced(file, place, np.asarray, chunks=True, **rng.choice(filters))


def _expanding(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Store megabytes of one value in few bytes: honest, but a hundred times larger in memory."""
    old = file[place]
    if isinstance(old, h5py.Dataset) and old.ndim in (1, 2) and old.dtype.kind in "iuf":
        shape = (3_000_000, *old.shape[1:]) if old.ndim == 1 else (300_000, max(1, min(old.shape[1], 8)))
        attributes, dtype = dict(old.attrs), old.dtype
        del file[place]
        made = file.create_dataset(place, shape, dtype, chunks=True, compression="gzip")
        made[...] = np.zeros(shape, dtype)
        made.attrs.update(attributes)


def _numbers(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Change one number of a dataset."""
    found = file[place]
    if _is_small(found) and found.dtype.kind in "iufb":
        values = np.array(found[()])
        with np.errstate(all="ignore"):
            value = np.asarray(rng.choice(EXTREMES), np.float64).astype(values.dtype)
        if values.size:
            values.reshape(-1)[rng.randrange(values.size)] = value
            found[...] = values


def _text(file: h5py.File, place: str, other: str, rng: random.Random) -> None:
    """Change a text."""
    found = file[place]
    if isinstance(found, h5py.Dataset) and found.shape == () and h5py.check_string_dtype(found.dtype):
        from damage.texts import changed_text

        old = found[()]
        found[()] = changed_text(old if isinstance(old, bytes) else old.encode(), rng, Path())


WAYS = (
    _delete,
    _other_value,
    _other_value,
    _group_for_it,
    _attribute,
    _attribute,
    _attribute,
    _link,
    _second_name,
    _moved,
    _declared,
    _other_dtype,
    _other_shape,
    _other_storage,
    _numbers,
    _numbers,
    _numbers,
    _text,
)
