"""Headers of the objects of a foreign file, read byte by byte: what the HDF5 library does not show.

HDF5 File Format Specification 3.0, section IV.A: a header is a list of messages, in one chunk or several.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LAYOUT, ATTRIBUTE, CONTINUATION = 0x08, 0x0C, 0x10
VARIABLE = 9  # class of a datatype whose elements are rows of variable length
_VERSION_1, _VERSION_2 = struct.Struct("<HHB"), struct.Struct("<BHB")  # kind, size, flags
REFERENCE_SIZE = 16  # bytes of a reference to a heap: length, address, number


class Message(NamedTuple):
    """A message of a header: its flags, where its content begins, and its length."""

    flags: int
    start: int
    size: int


@contextmanager
def content_of(path: Path, largest: float = math.inf) -> Iterator[mmap.mmap | bytes]:
    """Give the bytes of a file, or none if it is empty or too large to be searched."""
    if not 0 < path.stat().st_size <= largest:
        yield b""
        return
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        yield content


def messages(content: mmap.mmap | bytes, address: int, wanted: int, base: int = 0) -> Iterator[Message]:
    """Give the messages of one kind in the header at an address, of version 1 or 2, in all its chunks.

    Parameters
    ----------
    wanted : int
        The kind.
    base : int
        Where the file's addresses count from: the size of a block of the user at its beginning.
    """
    place = address + base
    if not 0 <= place <= len(content) - 16:
        return
    if content[place : place + 4] == b"OHDR":
        flags = content[place + 5]
        first = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        start = first + width
        chunks = [(start, start + int.from_bytes(content[first:start], "little"))]
        head = 6 if flags & 4 else 4
    elif content[place] == 1:
        start = place + 16
        chunks = [(start, start + struct.unpack_from("<I", content, place + 8)[0])]
        head = 8
    else:
        return
    known = set()
    unpacked = (_VERSION_1 if head == 8 else _VERSION_2).unpack_from
    while chunks:
        place, end = chunks.pop()
        if place in known:
            continue
        known.add(place)
        end = min(end, len(content))
        while place + head <= end:
            kind, size, flags = unpacked(content, place)
            start = place + head
            place = start + size
            if place > end:
                break
            if kind == CONTINUATION and size >= 16:
                further, length = struct.unpack_from("<QQ", content, start)
                further += base
                # A further chunk of version 2 has a mark in front and a sum behind.
                chunks.append(
                    (further, further + length) if head == 8 else (further + 4, further + length - 4)
                )
            if kind == wanted:
                yield Message(flags, start, size)


def claimed_by_attribute(content: mmap.mmap | bytes, start: int, most: int) -> tuple[bytes, int] | None:
    """Return the name of an attribute of variable length, and the bytes that its elements claim.

    Parameters
    ----------
    start : int
        Where its message begins (section IV.A.2.m).
    most : int
        Elements that are looked at.

    Returns
    -------
    tuple or None
        None for an attribute of other elements.
    """
    try:
        version, flags, n_name, n_type, n_space = struct.unpack_from("<BBHHH", content, start)
        if version not in (1, 2, 3):
            return None
        pad = 8 if version == 1 else 1  # version 1 pads each part to whole words
        name = start + (9 if version == 3 else 8)
        kind = name + -(-n_name // pad) * pad
        space = kind + -(-n_type // pad) * pad
        data = space + -(-n_space // pad) * pad
        shared = version > 1 and flags & 1  # the type stands elsewhere, under a name
        if not shared and content[kind] & 15 != VARIABLE:
            return None
        string = shared or content[kind + 1] & 15 == 1
        element = 1 if string else struct.unpack_from("<I", content, kind + 12)[0]
        rank = content[space + 1]
        dims = struct.unpack_from(f"<{rank}Q", content, space + (8 if content[space] == 1 else 4))
        claimed = 0
        for k in range(min(math.prod(dims), most)):
            if data + REFERENCE_SIZE * k + 4 > len(content):
                break
            claimed += struct.unpack_from("<I", content, data + REFERENCE_SIZE * k)[0]
    except (IndexError, struct.error):  # the message ends beyond the file
        return None
    return bytes(content[name : name + n_name]).rstrip(b"\0"), claimed * element
