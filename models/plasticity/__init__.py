"""Plasticity rules: online, attached to a network, local in what they see."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
