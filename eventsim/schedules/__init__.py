"""Schedules that advance whole populations at a time: windows and layers."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
