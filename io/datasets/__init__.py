"""Data sets as arrays, `(samples, labels)` each, generated or read from a folder of published files."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
