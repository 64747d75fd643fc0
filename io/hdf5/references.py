"""References of rows of variable length, strings above all, as they are stored: what each row claims to be.

A row is stored as a reference of 16 bytes: its length, the address of a heap, and a number in it. The HDF5
library reserves as much memory as a reference says, so that the references are read before it follows them.
"""

import math
import os
import zlib
from pathlib import Path

import numpy as np
from h5py import h5d, h5o, h5z
from numpy.typing import NDArray

from eventsim.io.hdf5.headers import LAYOUT, content_of, messages

REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


def row_lengths(dataset: h5d.DatasetID, path: str | os.PathLike[str], base: int = 0) -> NDArray[np.int64]:
    """Return how long the rows of a dataset say they are, in elements, shape (n,); 0 where none is stored.

    Parameters
    ----------
    dataset :
        Of variable length.
    path : path
        Of its file.
    base : int
        Where the file's addresses count from.

    Raises
    ------
    ValueError
        If the file ends before, or the references are compressed in a way that is not known here.
    """
    n = math.prod(map(int, dataset.shape))
    layout = dataset.get_create_plist().get_layout()
    if not n:
        return np.zeros(0, np.int64)
    if layout == h5d.CHUNKED:
        return _in_chunks(dataset, path)
    place = dataset.get_offset() if layout == h5d.CONTIGUOUS else _in_header(dataset, path, base)
    if place is None:  # nothing was written
        return np.zeros(0, np.int64)
    references = np.fromfile(path, REFERENCE, n, offset=place)
    if len(references) < n:
        raise ValueError("the references go beyond the end of the file")
    return references["length"].astype(np.int64)


def _in_header(dataset: h5d.DatasetID, path: str | os.PathLike[str], base: int) -> int | None:
    """Return where the data of a small dataset stand, within its header (section IV.A.2.i)."""
    with content_of(Path(path)) as content:
        for message in messages(content, h5o.get_info(dataset).addr, LAYOUT, base):
            if content[message.start] in (3, 4):
                return message.start + 4
    return None


def _in_chunks(dataset: h5d.DatasetID, path: str | os.PathLike[str]) -> NDArray[np.int64]:
    """Return the lengths that are stored in chunks, in no order; those beyond the edge too."""
    properties = dataset.get_create_plist()
    filters = [properties.get_filter(k)[0] for k in range(properties.get_nfilters())]
    most = REFERENCE.itemsize * math.prod(map(int, properties.get_chunk()))
    found = [np.zeros(0, np.int64)]
    with open(path, "rb") as stream:
        for k in range(dataset.get_num_chunks()):
            info = dataset.get_chunk_info(k)
            stream.seek(info.byte_offset)
            raw = stream.read(min(info.size, most + most // 1000 + 64))  # as long as compression can make it
            for place in reversed(range(len(filters))):
                if not info.filter_mask >> place & 1:
                    raw = _undone(filters[place], raw, most)
            whole = len(raw) // REFERENCE.itemsize * REFERENCE.itemsize
            found.append(np.frombuffer(raw[:whole], REFERENCE)["length"].astype(np.int64))
    return np.concatenate(found)


def _undone(code: int, raw: bytes, most: int) -> bytes:
    """Return bytes as they were before a filter."""
    if code == h5z.FILTER_DEFLATE:
        return zlib.decompressobj().decompress(raw, most)
    if code == h5z.FILTER_SHUFFLE:
        n = len(raw) // REFERENCE.itemsize
        cut = n * REFERENCE.itemsize
        turned = np.frombuffer(raw[:cut], np.uint8).reshape(REFERENCE.itemsize, n).T
        return turned.tobytes() + raw[cut:]
    raise ValueError(f"the references are compressed by filter {code}, which is not known")
