"""The order of events at one time: what comes first, what comes last.

Events of priority <= 0 come before the predicted spikes of their time, those of priority > 0 after them.
Among equal priorities the event that was scheduled first comes first.
"""

from enum import IntEnum

__all__ = ["Priority"]


class Priority(IntEnum):
    """Priorities of the events that the library schedules itself."""

    DELIVERIES = 0  # spikes that arrive; all of one time count before a threshold is looked at
    TICKS = 1  # continuous populations, and neurons integrated by steps
    PLASTICITY = 1  # rules that look at weights at times of their own
    SAMPLES = 2  # recordings on a grid see everything of their time
