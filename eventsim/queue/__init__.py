"""What the engine keeps its future in: events in total order, and predicted threshold crossings."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
