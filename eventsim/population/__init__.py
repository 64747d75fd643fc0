"""Populations of units: what the engine asks of them, where their spikes go, what is recorded of them."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
