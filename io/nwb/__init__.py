"""Neurodata Without Borders: spikes and series of other programs."""

from eventsim.lazy import attach

REGISTERS = False
__getattr__, __dir__, __all__ = attach(__name__)
