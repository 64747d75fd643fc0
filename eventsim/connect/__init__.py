"""Who is connected to whom: rules, and the distributions that weights and delays are drawn from."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
