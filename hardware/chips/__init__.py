"""Chips with their published numbers, composed of parts."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
