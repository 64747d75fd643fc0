"""Circuits that compute layers in place of the software: switched capacitors and their imperfections."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)

REGISTERS = False  # the targets that run them are chips
