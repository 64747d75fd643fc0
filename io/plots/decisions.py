"""Samples shown one after the other: when each began, its class, and the first label spike that decides."""

from dataclasses import dataclass

import numpy as np

from eventsim.trace import Trace

__all__ = ["ShownSample", "shown_samples"]

READOUTS = ("label", "output", "readout")  # populations whose first spike is the decision


@dataclass(frozen=True, slots=True)
class ShownSample:
    """One sample in a recording.

    Attributes
    ----------
    start, end : of its stretch of the recording.
    label : its true class.
    population : the one that decides, or "".
    first, unit : time and unit of the first spike of that population; None if it was silent.
    """

    start: float
    end: float
    label: int
    population: str = ""
    first: float | None = None
    unit: int | None = None


def shown_samples(run: Trace) -> list[ShownSample]:
    """Return the samples that a run has recorded, in order; none if it does not say which they were.

    They fill the recording in equal parts, which is how runs record them (``recorded_labels``).
    """
    labels = run.parameters.get("recorded_labels")
    if labels is None or labels.ndim != 1 or not len(labels) or not run.duration > 0:
        return []
    name = next((name for name in READOUTS if len(run.spikes.get(name, ()))), "")
    width = run.duration / len(labels)
    found = []
    for k, label in enumerate(labels):
        start, first, unit = k * width, None, None
        if name:
            spikes = run.spikes[name]
            at = int(np.searchsorted(spikes.times, start))
            if at < len(spikes) and spikes.times[at] < start + width:
                first, unit = float(spikes.times[at]), int(spikes.units[at])
        found.append(ShownSample(start, start + width, int(label), name, first, unit))
    return found
