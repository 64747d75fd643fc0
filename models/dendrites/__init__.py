"""Neurons with active dendrites: trees of compartments, exact or on ticks."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
