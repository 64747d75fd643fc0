"""SONATA files of other programs: spikes and reports in the layouts that are in use."""

from eventsim.lazy import attach

REGISTERS = False
__getattr__, __dir__, __all__ = attach(__name__)
