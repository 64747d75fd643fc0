"""Attributes of a foreign file: none of variable length may be longer than the file.

The library reserves as much memory as the reference of an attribute says, and does not show the reference. So
the headers are read here, and what lies in heaps of attributes is searched by name.
"""

import mmap
import struct
from collections.abc import Collection
from pathlib import Path

from eventsim.errors import FileFormatError
from eventsim.io.hdf5.headers import ATTRIBUTE, claimed_by_attribute, content_of, messages
from eventsim.io.hdf5.strings import places_of

LARGEST_SCAN = 1 << 26
"""Files above this size are not searched for damaged references in heaps of attributes."""
MOST_STRINGS = 4096
"""Most strings in one attribute; attributes cannot be read in parts."""


def check_attributes(
    path: Path, names: Collection[bytes], objects: Collection[int] | None = None, base: int = 0
) -> None:
    """Refuse a file with an attribute of variable length that is longer than the file.

    Headers are read whole. Many attributes of an object lie in a heap instead, where their messages are
    searched by name: version, flags, three sizes, character set, name, datatype, dataspace, data (section
    IV.A.2.m, version 3). Space that a file has given up still holds messages, which new headers overwrite in
    part.

    Parameters
    ----------
    names : collection of bytes
        Of the attributes of variable length.
    objects : collection of int, optional
        Addresses of the objects of the file: a message within a header counts only if the header is that of
        one of them.
    base : int
        Where addresses count from.

    Raises
    ------
    FileFormatError
    """
    if not names:
        return
    with content_of(path) as content:
        for address in objects or ():
            for message in messages(content, address, ATTRIBUTE, base):
                if message.flags & 2:  # 2: the message itself stands elsewhere
                    continue
                claim = claimed_by_attribute(content, message.start, MOST_STRINGS)
                if claim is not None and claim[0] in names and claim[1] > len(content):
                    raise _longer(path, claim[0])
    with content_of(path, LARGEST_SCAN) as content:
        for name in names:
            for start in places_of(content, name + b"\0"):
                if start < 9 or content[start - 9] != 3:
                    continue
                n_name = struct.unpack_from("<H", content, start - 7)[0]
                kind = start + n_name
                if n_name != len(name) + 1 or kind >= len(content) or content[kind] & 15 != 9:
                    continue  # no attribute of this name, or none of variable length (class 9)
                claim = claimed_by_attribute(content, start - 9, MOST_STRINGS)
                if claim is not None and claim[1] > len(content):
                    if objects is not None and _is_given_up(content, start, objects):
                        continue
                    raise _longer(path, name)


def _longer(path: Path, name: bytes) -> FileFormatError:
    shown = name.decode("utf-8", "replace")
    return FileFormatError(f"{path} is damaged: attribute {shown!r} is longer than the file")


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
