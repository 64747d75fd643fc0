"""Networks in the neuromorphic intermediate representation (NIR), in and out, through the package `nir`."""

from eventsim.lazy import attach

REGISTERS = False
__getattr__, __dir__, __all__ = attach(__name__)
