"""Spikes as they are given: the forms, read and checked in one place, and the container of many samples.

`eventsim.spike_trains.forms` describes the forms.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
