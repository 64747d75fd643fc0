"""SONATA: spikes and reports of other programs in the layouts that are in use, and circuits both ways."""

from eventsim.lazy import attach

REGISTERS = False
__getattr__, __dir__, __all__ = attach(__name__)
