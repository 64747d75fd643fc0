"""Targets that run a network in place of the simulator."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
