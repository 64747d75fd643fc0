"""Samples shown one after the other: when each began, its class, and what decides.

That is the first spike of the label population, or its highest membrane where it does not spike.
"""

from dataclasses import dataclass

import numpy as np

from eventsim.trace import Samples, Trace

__all__ = ["ShownSample", "readout_membranes", "shown_samples"]

READOUTS = ("label", "output", "readout")
"""Populations whose first spike or highest membrane is the decision."""


@dataclass(frozen=True, slots=True)
class ShownSample:
    """One sample in a recording.

    Attributes
    ----------
    start, end : of its stretch of the recording.
    label : its true class.
    population : the one that decides, or "".
    first, unit : time and unit of the first spike of that population, or of its highest membrane; None if it
        was silent.
    height : that membrane; None where a spike decides.
    """

    start: float
    end: float
    label: int
    population: str = ""
    first: float | None = None
    unit: int | None = None
    height: float | None = None


def readout_membranes(run: Trace) -> Samples | None:
    """Return the sampled membranes of outputs that do not spike; None where outputs spike."""
    if any(len(run.spikes.get(name, ())) for name in READOUTS):
        return None
    found = (run.samples.get((name, "v")) for name in READOUTS)
    return next((samples for samples in found if samples is not None and len(samples.times)), None)


def shown_samples(run: Trace) -> list[ShownSample]:
    """Return the samples that a run has recorded, in order; none if it does not say which they were.

    They fill the recording in equal parts, which is how runs record them (``recorded_labels``).
    """
    labels = run.parameters.get("recorded_labels")
    if labels is None or labels.ndim != 1 or not len(labels) or not run.duration > 0:
        return []
    name = next((name for name in READOUTS if len(run.spikes.get(name, ()))), "")
    membranes = readout_membranes(run)
    if membranes is not None:
        name = next(name for name in READOUTS if run.samples.get((name, "v")) is membranes)
    width = run.duration / len(labels)
    found = []
    for k, label in enumerate(labels):
        start, first, unit, height = k * width, None, None, None
        if membranes is not None:
            rows = np.flatnonzero((membranes.times >= start) & (membranes.times < start + width))
            values = np.nan_to_num(membranes.values[rows], nan=-np.inf)
            if values.size:
                row, column = np.unravel_index(int(np.argmax(values)), values.shape)
                first, unit = float(membranes.times[rows[row]]), int(membranes.units[column])
                height = float(values[row, column])
        elif name:
            spikes = run.spikes[name]
            at = int(np.searchsorted(spikes.times, start))
            if at < len(spikes) and spikes.times[at] < start + width:
                first, unit = float(spikes.times[at]), int(spikes.units[at])
        found.append(ShownSample(start, start + width, int(label), name, first, unit, height))
    return found
