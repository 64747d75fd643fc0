"""What can go wrong, one class for each kind of mistake a caller may want to catch."""


class UnknownPart(KeyError):
    """A name that nothing is registered or declared under."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message should read as one.
        return str(self.args[0]) if self.args else ""


class EventOrderError(ValueError):
    """An event in the past, at a time that is not a number, or without end at one instant."""


class ConfigError(ValueError):
    """A configuration that does not describe something that can be built."""


class FileFormatError(OSError):
    """A file that is not ours, is damaged, or is newer than this version reads."""


class TargetLost(ConnectionError):
    """A target, such as a chip in another process, that does not answer any more."""
