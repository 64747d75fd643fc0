"""Sources of spikes and rates, and how values become input spikes."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
