"""Damages of the bytes of any file, and of what is packed in it."""

import gzip
import io
import random
import zipfile
from functools import lru_cache
from pathlib import Path

__all__ = ["changed_bytes", "changed_in_gzip", "changed_in_zip"]

MARKS = (b"GCOL", b"TREE", b"SNOD", b"HEAP", b"OHDR", b"OCHK", b"FRHP", b"BTHD", b"kind", b"units")
"""Where names and heaps of HDF5 are."""
VALUES = (0, 1, 0x7F, 0x80, 0xFF)


def changed_bytes(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return the content of a file with one to four damages."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if changed:
            _damage(changed, rng)
    return bytes(changed)


def _damage(changed: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(changed))
    kind = rng.randrange(10)
    if kind == 0:
        changed[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        changed[place] = rng.choice(VALUES)
    elif kind == 2:  # a number of 16 to 128 bits
        width = min(rng.choice((2, 4, 8, 16)), len(changed) - place)
        changed[place : place + width] = bytes([rng.choice((0, 0xFF))]) * width
    elif kind == 3:  # a block over another
        start = rng.randrange(len(changed))
        block = changed[start : start + rng.choice((8, 64, 512))]
        changed[place : place + len(block)] = block
    elif kind == 4:
        del changed[place : place + rng.randint(1, 64)]
    elif kind == 5:  # where names and heaps are
        start = changed.find(rng.choice(MARKS), rng.randrange(len(changed)))
        if start >= 0:
            changed[min(start + rng.randrange(64), len(changed) - 1)] = rng.randrange(256)
    elif kind == 6:  # the file ends early
        del changed[place:]
    elif kind == 7:  # a page that was never written
        width = min(rng.choice((512, 4096)), len(changed) - place)
        changed[place : place + width] = bytes(width)
    elif kind == 8:  # two blocks change places
        other, width = rng.randrange(len(changed)), rng.choice((8, 64, 512))
        one, two = sorted((place, other))
        width = min(width, two - one, len(changed) - two)
        changed[one : one + width], changed[two : two + width] = (
            changed[two : two + width],
            changed[one : one + width],
        )
    else:
        changed[place:place] = rng.randbytes(rng.randint(1, 16))


def changed_in_gzip(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a compressed file whose content is damaged, and whose check sum is right; or a longer one."""
    if rng.random() < 0.02:
        return _expanding(content)
    return gzip.compress(changed_bytes(gzip.decompress(content), rng, scratch), 1, mtime=0)


@lru_cache(maxsize=1)
def _expanding(content: bytes) -> bytes:
    """Return a compressed file that expands to far more than it is; making it takes a second."""
    return gzip.compress(gzip.decompress(content) + bytes(1 << 28), 1, mtime=0)


def changed_in_zip(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return an archive with one member damaged, left out, renamed, or of another declared size."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            inside = old.read(name)
            if name == chosen:
                kind = rng.randrange(6)
                if kind == 0:
                    continue
                if kind == 1:
                    name = rng.choice(["", "x.npy", "../x.npy", name + "x", name.replace(".npy", "")])
                elif kind == 2:
                    inside = old.read(rng.choice(names))
                else:
                    inside = changed_array(inside, rng, scratch)
            new.writestr(zipfile.ZipInfo(name), inside)
    whole = made.getvalue()
    return whole if rng.random() < 0.7 else changed_bytes(whole, rng, scratch)


def changed_array(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a file of one NumPy array with another header, or with damaged bytes."""
    header_end = content.find(b"\n") + 1
    if rng.random() < 0.4 or not header_end:
        return changed_bytes(content, rng, scratch)
    shape = rng.choice(["(1099511627776,)", "(-1,)", "(3, 0)", "()", "(100000, 100000)", "(2,)", "(1, 1, 1)"])
    dtype = rng.choice(["'<f8'", "'|O'", "'<U1000000'", "'|u1'", "'<M8[ms]'", "[('a', '<f4'), ('b', '|S3')]"])
    text = f"{{'descr': {dtype}, 'fortran_order': {rng.choice(['False', 'True', '3'])}, 'shape': {shape}, }}"
    start = 10
    old = content[start:header_end].decode("latin1")
    if rng.random() < 0.5:  # only the shape
        text = old[: old.find("'shape'")] + f"'shape': {shape}, }}"
    header = text.encode("latin1")
    header += b" " * (-(start + len(header) + 1) % 64) + b"\n"
    return content[:8] + len(header).to_bytes(2, "little") + header + content[header_end:]
