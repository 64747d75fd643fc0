"""Strings of a foreign file: references to heaps, which are checked before the HDF5 library follows them.

A string is stored as a reference of 16 bytes: its length, the address of a heap collection, and a number in
it. The library reserves as much memory as the reference says, and reads a collection until its end.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.io.hdf5.headers import content_of
from eventsim.io.hdf5.references import row_lengths

LARGEST_SCAN = 1 << 31
"""Files above this size are not searched for damaged heaps."""
MODULUS = 1 << 64


def check_heaps(path: Path) -> None:
    """Refuse a file with a heap of strings in which an object has no length: HDF5 would read it for ever.

    Raises
    ------
    FileFormatError
    """
    with content_of(path, LARGEST_SCAN) as content:
        for start in places_of(content, b"GCOL\x01"):
            if _is_endless(content, start):
                raise FileFormatError(f"{path} is damaged: the heap of strings at byte {start} has no end")


def places_of(content: mmap.mmap | bytes, pattern: bytes) -> Iterator[int]:
    """Give where a pattern stands in the content of a file."""
    start = content.find(pattern)
    while start >= 0:
        yield start
        start = content.find(pattern, start + 1)


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
    if dataset.id.get_offset() is None:
        raise ValueError(f"the strings of {dataset.name} are not stored in one piece")
    size = os.path.getsize(dataset.file.filename)
    lengths = row_lengths(dataset.id, dataset.file.filename)
    memory = 4 * int(lengths.max(initial=0)) * len(lengths)  # of an array of strings
    if lengths.sum() > size or memory > max(1 << 28, 100 * size):
        raise ValueError(f"the strings of {dataset.name} are longer than the file")


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
    lengths = row_lengths(dataset.id, dataset.file.filename)
    if lengths.sum() * np.dtype(element).itemsize > left:
        raise ValueError(f"the rows of {dataset.name} are longer than the file")
    rows = []
    for k in range(len(dataset)):
        rows.append(np.asarray(dataset[k]))
        left -= rows[-1].nbytes
        if left < 0:
            raise ValueError(f"the rows of {dataset.name} are longer than the file")
    return rows
