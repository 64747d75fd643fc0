"""Plots of whole runs and of single axes."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
