"""Results in and out: the HDF5 file, data sets, configuration, analysis and plots."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
