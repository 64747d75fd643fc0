"""Networks that grow: when to add neurons, how to add them, and what earlier tasks need of the weights."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)

REGISTERS = False  # no parts are registered here
