"""Networks as they are declared: populations, projections, their checks, and what files hold of them."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
