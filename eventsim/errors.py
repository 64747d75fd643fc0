"""What can go wrong, one class for each kind of mistake a caller may want to catch."""

import re
from collections.abc import Iterable

LONGEST_WORD, LONGEST_MESSAGE = 400, 1500
"""Characters that a message shows of a word, and in all: names and values of files may be megabytes."""
_BREAK = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD},}}")


def shortened(text: str) -> str:
    """Return a message in one line, with the ends of long words, and of the whole, cut off."""
    text = _BREAK.sub(lambda found: repr(found.group())[1:-1], text)  # names in files may hold breaks
    text = _LONG_WORD.sub(lambda found: found.group()[:100] + "...", text)
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "..."


class _Shortened(Exception):
    """Shows its message shortened."""

    def __str__(self) -> str:
        return shortened(super().__str__())


class UnknownPart(KeyError):
    """A name that nothing is registered or declared under."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message should read as one.
        return shortened(str(self.args[0])) if self.args else ""


def near(name: object, known: Iterable[str], n: int, cutoff: float = 0.6) -> list[str]:
    """Return the known names that are probably meant, else at most `n` of similar letters."""
    from difflib import get_close_matches

    from eventsim.foreign_names import synonyms

    known = list(known)
    return synonyms(name, known) or get_close_matches(str(name), known, n, cutoff)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'hidden'?" for a name that is close to a known one, "" for others.

    Names of other simulators are close to those of the same thing here.
    """
    found = near(name, known, 1)
    return f"; did you mean {found[0]!r}?" if found else ""


class EventOrderError(ValueError):
    """An event in the past, at a time that is not a number, or without end at one instant."""


class ConfigError(_Shortened, ValueError):
    """A configuration that does not describe something that can be built."""


class FileFormatError(_Shortened, OSError):
    """A file that is not ours, is damaged, or is newer than this version reads."""


class TargetLost(ConnectionError):
    """A target, such as a chip in another process, that does not answer any more."""
