"""One page of a run that opens without a network: tables, curves, rasters that zoom, pictures."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
