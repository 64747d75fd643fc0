"""Results as other programs' objects."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
