"""Arrays of foreign NumPy files (.npy, .npz): their declared sizes are compared with the file before reading.

NumPy reserves what a header declares, so that a file of a hundred bytes may ask for terabytes.
"""

import math
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from eventsim.errors import FileFormatError

__all__ = ["read_npy", "read_npz"]

COMPRESSION = 1100
"""Most bytes that one stored byte expands to; the limit of deflate is 1032."""


def read_npy(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the array of a file.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no file that can be read.
    FileFormatError
        If it is no array of plain values, or shorter than it declares.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            return _array(stream, path.stat().st_size)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # damaged headers raise errors of NumPy, of the tokenizer and of Python
        raise FileFormatError(f"{path} cannot be read as a NumPy file: {_line(error)}") from None


def read_npz(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by name: all, or those of these names that are there.

    Raises
    ------
    FileNotFoundError, PermissionError, FileFormatError
        As `read_npy`.
    """
    path = Path(path)
    found: dict[str, NDArray[Any]] = {}
    wanted = None if names is None else set(names)
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if wanted is not None and name not in wanted:
                    continue
                if member.file_size > min(member.compress_size, size) * COMPRESSION:
                    raise ValueError(f"{name!r} declares {member.file_size} bytes, too many for the file")
                with archive.open(member) as stream:
                    found[name] = _array(stream, member.file_size)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # as above, and errors of archives and of their compression
        raise FileFormatError(
            f"{path} cannot be read as an archive of NumPy arrays: {_line(error)}"
        ) from None
    return found


def _array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array of an open file that has `size` bytes."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not read, 1.0 and 2.0 are")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    n = math.prod(shape)
    if min(shape, default=0) < 0 or n * dtype.itemsize > size:
        raise ValueError(f"it declares {shape} of {dtype.itemsize} bytes, but has {size} bytes")
    content = stream.read(n * dtype.itemsize)
    array = np.frombuffer(content, dtype, n) if n * dtype.itemsize else np.zeros(n, dtype)
    return array.reshape(shape, order="F" if fortran else "C").copy()


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
