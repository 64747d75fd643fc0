"""Damages of texts: numbers, words and lines, as hands and other programs change them."""

import random
import re
from pathlib import Path

__all__ = ["changed_text"]

NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
WORD = re.compile(rb"[A-Za-z_][A-Za-z_0-9]*")
NUMBERS = (
    b"0", b"-1", b"1e308", b"1e999", b"-1e300", b"nan", b"NaN", b"inf", b"Infinity", b"1e-320", b"2147483648",
    b"9223372036854775808", b"18446744073709551616", b"1" * 5000, b"0.5", b"", b"1_000", b"0x10", b"true",
    b"null", b'"1"', b"1e9", b"100000000000", b"3000000000",
)  # fmt: skip
WORDS = (
    b"", b"none", b"null", b"[]", b"{}", b"true", b"x", b"\xc3\xa9", b"\x00", b"\xff", b"$HERE", b"../..",
    b"/dev/zero", b"a" * 5000, b"\n", b"[" * 3000, b'{"a":' * 2000, b"#", b'"', b"'", b",", b" ", b"=", b"\r",
    b"\xef\xbb\xbf",
)  # fmt: skip


def changed_text(content: bytes, rng: random.Random, scratch: Path) -> bytes:
    """Return a text with one to three numbers, words or lines changed."""
    for _ in range(rng.randint(1, 3)):
        content = _changed(content, rng)
    return content


def _changed(content: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(9)
    if kind <= 2:
        return _replaced(content, NUMBER, rng.choice(NUMBERS), rng)
    if kind == 3:
        return _replaced(content, WORD, rng.choice(WORDS), rng)
    if kind == 4:  # a word for another of the same text
        words = WORD.findall(content) or [b"x"]
        return _replaced(content, WORD, rng.choice(words), rng)
    place = rng.randrange(len(content) + 1)
    if kind == 5:
        return content[:place] + rng.choice(WORDS) + content[place:]
    if kind == 6:  # a bracket, comma or quote is missing
        signs = [k for k, sign in enumerate(content) if sign in b"[]{}(),:=\"' "]
        return content if not signs else content[: (at := rng.choice(signs))] + content[at + 1 :]
    lines = content.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    if kind == 7:
        lines[one], lines[two] = lines[two], lines[one]
    elif rng.random() < 0.5:
        lines.insert(one, lines[two])
    else:
        del lines[one]
    return b"\n".join(lines)


def _replaced(content: bytes, what: re.Pattern[bytes], by: bytes, rng: random.Random) -> bytes:
    found = list(what.finditer(content))
    if not found:
        return content
    chosen = rng.choice(found)
    return content[: chosen.start()] + by + content[chosen.end() :]
