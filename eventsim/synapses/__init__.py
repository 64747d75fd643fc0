"""Synapses once they are drawn: stored by source and sorted by delay, shared, or drawn at each spike."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
