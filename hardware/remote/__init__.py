"""Targets in other processes: the protocol, the client and the server."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
