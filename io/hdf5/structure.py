"""Checks of a foreign file before anything in it is read: it refers to no other file, and its sizes are true.

HDF5 lets a file show the content of other files (external links, external storage, virtual datasets), declare
more elements than it stores, link one group under many names, and hold strings whose heap never ends. All of
this is refused here by name, so that reading takes time and memory in proportion to the size of the file.
"""

import mmap
import os
import struct
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t
from numpy.typing import NDArray

from eventsim.errors import FileFormatError

DEEPEST = 64
"""Most groups inside each other; a state of ours has about ten."""
COMPRESSION = 1100
"""Most bytes that one stored byte expands to; the limit of deflate is 1032."""
SMALL = 1 << 16
"""Bytes that a dataset may declare without storing them."""
LARGEST_CHUNK = 1 << 26
MOST_STRINGS = 4096
"""Most strings in one attribute; attributes cannot be read in parts."""
LARGEST_SCAN = 1 << 31
"""Files above this size are not searched for damaged heaps."""


def check_structure(file: h5py.File, path: Path, own: tuple[str, ...] = ()) -> None:
    """Refuse a file that refers to other files or whose sizes cannot be true.

    Parameters
    ----------
    file : h5py.File
    path : Path
        For the messages, and to read the heaps of strings.
    own : tuple of str
        The groups in the root that will be read; in them every object has one name.

    Raises
    ------
    FileFormatError
    """
    size = path.stat().st_size
    if size <= LARGEST_SCAN:
        check_heaps(path)
    root = h5g.open(file.id, b"/")
    names: dict[int, str] = {h5o.get_info(root).addr: "/"}
    soft: list[tuple[h5g.GroupID, bytes, str]] = []
    groups = [(root, "", 0)]
    while groups:
        group, where, depth = groups.pop()
        if depth > DEEPEST:
            raise FileFormatError(f"{path}: groups are nested more than {DEEPEST} deep at {where[:80]}...")
        links: list[tuple[bytes, int]] = []
        group.links.iterate(lambda name, info, links=links: links.append((name, info.type)), info=True)
        for name, kind in links:
            place = f"{where}/{name.decode('utf-8', 'replace')}"
            if kind == h5l.TYPE_SOFT:
                soft.append((group, name, place))
                continue
            if kind != h5l.TYPE_HARD:
                raise FileFormatError(f"{path}: {place} is a link to another file; such files are not read")
            thing = h5o.open(group, name)
            address = h5o.get_info(thing).addr
            if address in names:
                if place.split("/")[1] in own:
                    raise FileFormatError(f"{path}: {place} and {names[address]} are one object")
                continue
            names[address] = place
            _check_attributes(thing, place, path, size)
            if isinstance(thing, h5g.GroupID):
                groups.append((thing, place, depth + 1))
            elif isinstance(thing, h5d.DatasetID):
                _check_dataset(thing, place, path, size)
    _check_soft_links(soft, own, path)


def _check_soft_links(soft: list[tuple[h5g.GroupID, bytes, str]], own: tuple[str, ...], path: Path) -> None:
    """Let a soft link in our groups lead to a dataset to which no other leads; none leaves the file."""
    targets: dict[int, str] = {}
    for group, name, place in soft:
        if place.split("/")[1] not in own:
            continue
        try:
            thing = h5o.open(group, name)
        except (KeyError, OSError, RuntimeError):
            raise FileFormatError(f"{path}: the link {place} leads nowhere") from None
        address = h5o.get_info(thing).addr
        if not isinstance(thing, h5d.DatasetID):
            raise FileFormatError(f"{path}: the link {place} does not lead to a dataset")
        if address in targets:
            raise FileFormatError(f"{path}: {place} and {targets[address]} are one object")
        targets[address] = place


def _check_dataset(dataset: h5d.DatasetID, place: str, path: Path, size: int) -> None:
    properties = dataset.get_create_plist()
    if properties.get_external_count():
        raise FileFormatError(f"{path}: {place} is stored in another file; such files are not read")
    layout = properties.get_layout()
    if layout == h5d.VIRTUAL:
        raise FileFormatError(f"{path}: {place} is a virtual dataset of other files; such files are not read")
    declared = _n_elements(dataset.get_space()) * dataset.get_type().get_size()
    if layout == h5d.COMPACT or declared <= SMALL:
        return
    stored = dataset.get_storage_size()
    factor = COMPRESSION if layout == h5d.CHUNKED and properties.get_nfilters() else 1
    if stored > size or declared > stored * factor:
        raise FileFormatError(
            f"{path} is damaged: {place} declares {declared} bytes, but {min(stored, size)} are stored"
        )
    if layout == h5d.CHUNKED:
        chunk = dataset.get_type().get_size()
        for length in properties.get_chunk():
            chunk *= int(length)
        if chunk > max(LARGEST_CHUNK, declared):
            raise FileFormatError(
                f"{path}: chunks of {place} declare {chunk} bytes, more than the dataset has"
            )


def _check_attributes(
    thing: h5g.GroupID | h5d.DatasetID | h5t.TypeID, place: str, path: Path, size: int
) -> None:
    for k in range(h5a.get_num_attrs(thing)):
        attribute = h5a.open(thing, index=k)
        n, kind = _n_elements(attribute.get_space()), attribute.get_type()
        strings = isinstance(kind, h5t.TypeVlenID) or (
            isinstance(kind, h5t.TypeStringID) and kind.is_variable_str()
        )
        if n * kind.get_size() > size or (strings and n > MOST_STRINGS):
            raise FileFormatError(
                f"{path}: an attribute of {place} declares {n} elements, too many for the file"
            )


def _n_elements(space: h5s.SpaceID) -> int:
    if space.get_simple_extent_type() == h5s.NULL:
        return 0
    n = 1
    for length in space.get_simple_extent_dims():
        n *= int(length)  # Python's integers do not overflow
    return n


def check_heaps(path: Path) -> None:
    """Refuse a file with a heap of strings in which an object has no length: HDF5 would read it for ever.

    Raises
    ------
    FileFormatError
    """
    with path.open("rb") as stream:
        try:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            return
        with content:
            start = content.find(b"GCOL\x01")
            while start >= 0:
                if _is_endless(content, start):
                    raise FileFormatError(
                        f"{path} is damaged: the heap of strings at byte {start} has no end"
                    )
                start = content.find(b"GCOL\x01", start + 4)


def _is_endless(content: mmap.mmap, start: int) -> bool:
    """Return whether the objects of a heap collection stop advancing (HDF5 format, section III.E)."""
    if start + 16 > len(content):
        return False
    end = min(start + struct.unpack_from("<Q", content, start + 8)[0], len(content))
    place = start + 16
    while place + 16 <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", content, place)
        step = 16 + (length + 7) // 8 * 8 if index else length
        if step % (1 << 64) == 0:
            return True
        place += step
    return False


def read_strings(dataset: h5py.Dataset) -> NDArray[np.str_]:
    """Return an array of strings; it is read in parts, so that it takes no more memory than it should.

    Raises
    ------
    ValueError
        If the strings are longer than the file.
    """
    size = os.path.getsize(dataset.file.filename)
    if dataset.ndim == 0:
        return np.asarray(dataset.asstr()[()]).astype(str)
    parts, total, longest = [], 0, 0
    rows = max(1, 1024 // max(1, dataset.size // max(1, len(dataset))))
    for start in range(0, len(dataset), rows):
        part = np.asarray(dataset.asstr()[start : start + rows], dtype=object)
        lengths = [len(text) for text in part.ravel()]
        total, longest = total + sum(lengths), max(longest, *lengths, 0) if lengths else longest
        if total > size or longest * 4 * dataset.size > max(1 << 28, 100 * size):
            raise ValueError(f"the strings of {dataset.name} are longer than the file")
        parts.append(part)
    return np.concatenate(parts).astype(str) if parts else np.empty(dataset.shape, dtype=str)
