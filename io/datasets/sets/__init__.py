"""One module a data set: its function, where it is published, the check sums of its files."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
