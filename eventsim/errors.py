"""What can go wrong, one class for each kind of mistake a caller may want to catch."""

from collections.abc import Iterable


class UnknownPart(KeyError):
    """A name that nothing is registered or declared under."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message should read as one.
        return str(self.args[0]) if self.args else ""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'hidden'?" for a name that is close to a known one, "" for others."""
    from difflib import get_close_matches

    near = get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class EventOrderError(ValueError):
    """An event in the past, at a time that is not a number, or without end at one instant."""


class ConfigError(ValueError):
    """A configuration that does not describe something that can be built."""


class FileFormatError(OSError):
    """A file that is not ours, is damaged, or is newer than this version reads."""


class TargetLost(ConnectionError):
    """A target, such as a chip in another process, that does not answer any more."""
