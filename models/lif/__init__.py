"""Leaky integrate-and-fire neurons, exact for every ratio of time constants."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
