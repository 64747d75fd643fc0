"""Losses of first spikes, of spike trains, and of classes, each with its derivative."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
