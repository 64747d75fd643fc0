"""Neurons given by differential equations: AdEx, exponential, Izhikevich, quadratic, and one's own."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
