"""The engine: handlers of events in total order, the loop over them, and the same in plain Python."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
