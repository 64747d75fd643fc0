"""Neurons, inputs, plasticity rules, exact gradients and training."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
