"""Frames of the protocol between a host and a target in another process; see docs/remote-targets.md.

A frame is a prefix of 24 bytes, a header and a body. The prefix, little-endian, holds the magic "ESHW", the
bytes of the header (uint32) and of the body (uint64), the checksum of both (uint32) and that of these 20
bytes (uint32), so that damaged sizes are noticed before anybody waits for bytes that never come. Checksums
are CRC-32. The header is a JSON object in UTF-8. Its "arrays" lists [dtype, shape] of the arrays that the
body holds one after another, row by row, dtype being "<f8" or "<i8"; elsewhere in the header {"array": k}
stands for the k-th of them. Nothing in a frame is ever executed or unpickled.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BODY", "PREFIX_BYTES", "Frame", "FrameError", "TooLarge", "decoded", "encoded", "sizes"]

MAGIC = b"ESHW"
PREFIX = struct.Struct("<4sIQI")  # and the checksum of these
CHECKSUM = struct.Struct("<I")
PREFIX_BYTES = PREFIX.size + CHECKSUM.size
MOST_HEADER = 1 << 20
MOST_BODY = 1 << 28
MOST_DIMENSIONS = 3
DTYPES = {"<f8": np.dtype("<f8"), "<i8": np.dtype("<i8")}

Array = NDArray[np.float64] | NDArray[np.int64]


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that does not say what it should."""


class TooLarge(FrameError):
    """A frame beyond the limits."""


@dataclass(slots=True)
class Frame:
    """One message.

    Attributes
    ----------
    header : what it says, by name; "type" is always there, "arrays" never.
    arrays : what its header refers to by number.
    """

    header: dict[str, Any]
    arrays: list[Array] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The type of the message."""
        return str(self.header["type"])

    def put(self, values: Any) -> dict[str, int]:
        """Add an array of numbers and return what stands for it in the header."""
        array = np.asarray(values)
        kind = "<i8" if array.dtype.kind in "iub" else "<f8"
        sent: Any = np.asarray(array, DTYPES[kind], order="C")
        self.arrays.append(sent)
        return {"array": len(self.arrays) - 1}

    def array(self, reference: Any, dtype: str, n_dimensions: int | None = None) -> Any:
        """Return the array that a part of the header stands for.

        Raises
        ------
        FrameError
            If it stands for none, or for one of another type or with other dimensions.
        """
        if not isinstance(reference, dict) or set(reference) != {"array"}:
            raise FrameError(f"expected {{'array': number}}, got {reference!r:.60}")
        k = reference["array"]
        if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < len(self.arrays):
            raise FrameError(f"there are {len(self.arrays)} arrays, got number {k!r:.20}")
        array = self.arrays[k]
        if array.dtype != DTYPES[dtype] or n_dimensions not in (None, array.ndim):
            raise FrameError(
                f"array {k} is {array.dtype.str} with {array.ndim} dimensions, expected {dtype}"
                + ("" if n_dimensions is None else f" with {n_dimensions}")
            )
        return array


def encoded(frame: Frame) -> bytes:
    """Return a frame as bytes.

    Raises
    ------
    TooLarge
        If the header is too large; the limit of the body is the receiver's.
    """
    arrays = [[array.dtype.str, list(array.shape)] for array in frame.arrays]
    header = json.dumps({**frame.header, "arrays": arrays}, separators=(",", ":"), allow_nan=False).encode()
    if len(header) > MOST_HEADER:
        raise TooLarge(f"a header may have {MOST_HEADER} bytes, this one has {len(header)}")
    content = b"".join([header, *(array.tobytes() for array in frame.arrays)])
    prefix = PREFIX.pack(MAGIC, len(header), len(content) - len(header), zlib.crc32(content))
    return b"".join([prefix, CHECKSUM.pack(zlib.crc32(prefix)), content])


def sizes(prefix: bytes | bytearray, most_body: int = MOST_BODY) -> tuple[int, int, int]:
    """Return bytes of header and body, and their checksum, from the first bytes of a frame.

    Raises
    ------
    FrameError
        If these are not the first bytes of a frame.
    TooLarge
        If the frame is beyond the limits.
    """
    magic, header, body, checksum = PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        raise FrameError(f"a frame begins with {MAGIC!r}, got {magic!r}")
    if zlib.crc32(prefix[: PREFIX.size]) != CHECKSUM.unpack_from(prefix, PREFIX.size)[0]:
        raise FrameError("the checksum of a frame's sizes is wrong")
    if header > MOST_HEADER:
        raise TooLarge(f"a header may have {MOST_HEADER} bytes, this one has {header}")
    if body > most_body:
        raise TooLarge(f"a body may have {most_body} bytes, this one has {body}")
    return header, body, checksum


def decoded(content: bytes | bytearray, n_header: int, checksum: int) -> Frame:
    """Return the frame with this header and body.

    Raises
    ------
    FrameError
        If the checksum is wrong, or header and body do not fit together.
    """
    if zlib.crc32(content) != checksum:
        raise FrameError("the checksum of a frame is wrong")
    try:
        header = json.loads(bytes(content[:n_header]).decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a header must be a JSON object: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise FrameError("a header must be a JSON object with a 'type'")
    arrays: list[Array] = []
    at = n_header
    for entry in _list(header.pop("arrays", [])):
        dtype, shape = _layout(entry)
        count = 1
        for n in shape:
            count *= n
        if 8 * count > len(content) - at:
            raise FrameError(f"the body ends within array {len(arrays)}")
        # A copy: the caller's own, aligned and writable.
        array = np.frombuffer(content, dtype, count, at).reshape(shape).astype(dtype.newbyteorder("="))
        arrays.append(array)
        at += 8 * count
    if at != len(content):
        raise FrameError(f"the body has {len(content) - at} bytes more than its arrays")
    return Frame(header, arrays)


def whole(value: Any, what: str, low: int = 0, high: int = (1 << 63) - 1) -> int:
    """Return a whole number of a header.

    Raises
    ------
    FrameError
        If it is none, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FrameError(f"{what} must be a whole number from {low} to {high}, got {value!r:.60}")
    return value


def text(value: Any, what: str) -> str:
    """Return a text of a header; FrameError if it is none."""
    if not isinstance(value, str):
        raise FrameError(f"{what} must be a text, got {value!r:.60}")
    return value


def table(value: Any, what: str) -> Mapping[str, Any]:
    """Return an object of a header; FrameError if it is none."""
    if not isinstance(value, dict):
        raise FrameError(f"{what} must be an object, got {value!r:.60}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FrameError(f"expected a list, got {value!r:.60}")
    return value


def _layout(entry: Any) -> tuple[np.dtype[Any], list[int]]:
    """Return dtype and shape of an array as the header tells them."""
    known = len(_list(entry)) == 2 and isinstance(entry[0], str) and entry[0] in DTYPES
    if not known or len(_list(entry[1])) > MOST_DIMENSIONS:
        raise FrameError(f"an array must be [{' or '.join(DTYPES)}, shape], got {entry!r:.60}")
    return DTYPES[entry[0]], [whole(n, "a dimension", high=MOST_BODY) for n in entry[1]]


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
