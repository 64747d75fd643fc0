"""What can go wrong, one class for each kind of mistake a caller may want to catch."""

from collections.abc import Iterable


class UnknownPart(KeyError):
    """A name that nothing is registered or declared under."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message should read as one.
        return str(self.args[0]) if self.args else ""


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


class ConfigError(ValueError):
    """A configuration that does not describe something that can be built."""


class FileFormatError(OSError):
    """A file that is not ours, is damaged, or is newer than this version reads."""


class TargetLost(ConnectionError):
    """A target, such as a chip in another process, that does not answer any more."""
