"""Neurons with prospective rates: Latent Equilibrium, its generalisation, the dendritic microcircuit."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
