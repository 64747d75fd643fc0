"""Offline training: learners, losses, optimisers, and the classifier for users' own spikes."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
