"""Continuous populations on ticks: projections of rates, convolution, plasticity, models in NumPy."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
