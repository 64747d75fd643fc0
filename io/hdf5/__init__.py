"""The HDF5 file: layout, writing while a run goes on, reading to the bit."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
