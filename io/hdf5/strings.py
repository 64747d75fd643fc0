"""Strings of a foreign file: references to heaps, which are checked before the HDF5 library follows them.

A string is stored as a reference of 16 bytes: its length, the address of a heap collection, and a number in
it. The library reserves as much memory as the reference says, and reads a collection until its end.
"""

import mmap
import os
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError

LARGEST_SCAN = 1 << 31
"""Files above this size are not searched for damaged heaps."""
LARGEST_ATTRIBUTE_SCAN = 1 << 26
"""Files above this size are not searched for damaged references in attributes."""
MODULUS = 1 << 64
REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


def check_heaps(path: Path) -> None:
    """Refuse a file with a heap of strings in which an object has no length: HDF5 would read it for ever.

    Raises
    ------
    FileFormatError
    """
    with _content(path, LARGEST_SCAN) as content:
        for start in _places(content, b"GCOL\x01"):
            if _is_endless(content, start):
                raise FileFormatError(f"{path} is damaged: the heap of strings at byte {start} has no end")


def check_attributes(path: Path, names: Collection[bytes], objects: Collection[int] | None = None) -> None:
    """Refuse a file with a string attribute that is longer than the file.

    The library does not show the references of attributes. So the messages are searched by name:
    version, flags, three sizes, character set, name, datatype, dataspace, data (section IV.A.2.m, version 3).
    Space that a file has given up still holds messages, which new headers overwrite in part.

    Parameters
    ----------
    objects : collection of int, optional
        Addresses of the objects of the file: a message within a header of version 2 counts only if the header
        is that of one of them.

    Raises
    ------
    FileFormatError
    """
    with _content(path, LARGEST_ATTRIBUTE_SCAN) as content:
        for name in names:
            for start in _places(content, name + b"\0"):
                if start < 9 or content[start - 9] != 3:
                    continue
                sizes = struct.unpack_from("<HHH", content, start - 7)
                datatype, data = start + sizes[0], start + sum(sizes)
                if sizes[0] != len(name) + 1 or data + 4 > len(content) or content[datatype] & 15 != 9:
                    continue  # no attribute of this name, or none of variable length (class 9)
                if struct.unpack_from("<I", content, data)[0] > len(content):
                    if objects is not None and _is_given_up(content, start, objects):
                        continue
                    raise FileFormatError(
                        f"{path} is damaged: attribute {name.decode()!r} is longer than the file"
                    )


@contextmanager
def _content(path: Path, largest: int) -> Iterator[mmap.mmap | bytes]:
    """Give the bytes of a file, or none if it is empty or too large to be searched."""
    if not 0 < path.stat().st_size <= largest:
        yield b""
        return
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        yield content


def _places(content: mmap.mmap | bytes, pattern: bytes) -> Iterator[int]:
    start = content.find(pattern)
    while start >= 0:
        yield start
        start = content.find(pattern, start + 1)


def _is_given_up(content: mmap.mmap | bytes, place: int, objects: Collection[int]) -> bool:
    """Return whether a place lies behind a header of version 2, and not in one of these objects' first chunk.

    HDF5 File Format Specification 3.0, section IV.A.1.b. The library itself checks the sums of further
    chunks.
    """
    header = max(content.rfind(b"OHDR", 0, place), content.rfind(b"OCHK", 0, place))
    if header < 0:
        return False
    if header not in objects:
        return True
    flags = content[header + 5]
    first = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return place >= first + width + int.from_bytes(content[first : first + width], "little")


def _is_endless(content: mmap.mmap | bytes, start: int) -> bool:
    """Return whether a heap collection goes beyond the file, or its objects stop advancing.

    HDF5 File Format Specification 3.0, section III.E.
    """
    if start + 16 > len(content):
        return False
    end = start + struct.unpack_from("<Q", content, start + 8)[0]
    if end > len(content):
        return True
    place = start + 16
    while place + 16 <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", content, place)
        # As the library adds: modulo 2^64, so that a huge length is a short step.
        step = (16 + ((length + 7) % MODULUS // 8 * 8)) % MODULUS if index else length
        if step == 0:
            return True
        place += step
    return False


def check_strings(dataset: h5py.Dataset) -> None:
    """Refuse strings that are longer than the file, or are not stored as eventsim stores them.

    Raises
    ------
    ValueError
    """
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or kind.length is not None:
        raise ValueError(f"{dataset.name} should be a string")
    if not dataset.size or dataset.file.mode != "r":  # a file open for writing is our own
        return
    lengths = referenced_lengths(dataset)
    if lengths is None:
        raise ValueError(f"the strings of {dataset.name} are not stored in one piece")
    size = os.path.getsize(dataset.file.filename)
    memory = 4 * int(lengths.max(initial=0)) * len(lengths)  # of an array of strings
    if lengths.sum() > size or memory > max(1 << 28, 100 * size):
        raise ValueError(f"the strings of {dataset.name} are longer than the file")


def referenced_lengths(dataset: h5py.Dataset) -> NDArray[np.int64] | None:
    """Return how long the rows of a dataset say they are, in elements; None if it is stored in chunks.

    Raises
    ------
    ValueError
        If the file ends before.
    """
    place = dataset.id.get_offset()
    if place is None:
        return None
    references = np.fromfile(dataset.file.filename, REFERENCE, dataset.size, offset=place)
    if len(references) < dataset.size:
        raise ValueError(f"{dataset.name} goes beyond the end of the file")
    return references["length"].astype(np.int64)


def read_rows(dataset: h5py.Dataset) -> list[NDArray[Any]]:
    """Return rows of numbers of differing length, which together are no longer than the file.

    Raises
    ------
    ValueError
        If they are longer.
    """
    element = h5py.check_vlen_dtype(dataset.dtype)
    if element is None or dataset.ndim != 1:
        raise ValueError(f"{dataset.name} should be rows of numbers, but is {dataset.dtype} {dataset.shape}")
    left = os.path.getsize(dataset.file.filename)
    lengths = referenced_lengths(dataset) if dataset.size else None
    if lengths is not None and lengths.sum() * np.dtype(element).itemsize > left:
        raise ValueError(f"the rows of {dataset.name} are longer than the file")
    rows = []
    for k in range(len(dataset)):
        rows.append(np.asarray(dataset[k]))
        left -= rows[-1].nbytes
        if left < 0:
            raise ValueError(f"the rows of {dataset.name} are longer than the file")
    return rows
