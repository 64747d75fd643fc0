"""Layers for sequences, trained by exact backward passes; arrays are (time, batch, channel)."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)

REGISTERS = False  # no parts are registered here
