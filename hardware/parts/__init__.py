"""Imperfections of analog hardware, each one small part."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
