"""When units spike first after something happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.analysis.counting import Measured
from eventsim.io.analysis.population_spikes import number_of_units, positive
from eventsim.io.plain import real_array
from eventsim.spike_trains import SpikeTrains
from eventsim.trace import Floats

__all__ = ["latencies"]


@hinting
def latencies(
    spikes: Measured | SpikeTrains,
    onsets: ArrayLike | None = None,
    n: int | None = None,
    *,
    longest: float = np.inf,
) -> Floats:
    """Return how long after each onset each unit spikes first, shape (n_onsets, n); inf if it does not.

    Parameters
    ----------
    spikes : PopulationSpikes, Spikes or SpikeTrains
        One run in which stimuli follow each other; or many samples, each of which is its own onset.
    onsets : array_like, shape (n_onsets,), or a number
        When stimuli begin, in increasing order; a unit's spike counts until the next onset. For samples one
        time in each of them, default 0.
    n : int, optional
        Units, for `Spikes`.
    longest : float
        Spikes later than this after the onset do not count.

    Raises
    ------
    ValueError
        If onsets do not increase, or are not finite.

    Examples
    --------
    >>> from eventsim.trace import Spikes
    >>> spikes = Spikes(np.array([1.0, 3.0, 11.5]), np.array([0, 0, 1]))
    >>> latencies(spikes, [0.0, 10.0], 2).tolist()
    [[1.0, inf], [inf, 1.5]]
    """
    positive(longest, "longest")
    if isinstance(spikes, SpikeTrains):
        onset = 0.0 if onsets is None else float(np.asarray(real_array(onsets, "onsets")).item())
        found = _after(spikes, onset)
        return np.where(found <= longest, found, np.inf)
    n = number_of_units(spikes, n)
    if onsets is None:
        raise TypeError("onsets are needed for one run: when do the stimuli begin?")
    begins = np.atleast_1d(real_array(onsets, "onsets"))
    if begins.ndim != 1 or not np.isfinite(begins).all() or (np.diff(begins) <= 0).any():
        raise ValueError(f"onsets must be finite and increase, got {_short(begins)}")
    which = np.searchsorted(begins, spikes.times, side="right") - 1
    after = spikes.times - begins[np.maximum(which, 0)]
    counted = (which >= 0) & (after <= longest)
    first = np.full(len(begins) * n, np.inf)
    np.minimum.at(first, which[counted] * n + spikes.units[counted], after[counted])
    return first.reshape(len(begins), n)


def _after(trains: SpikeTrains, onset: float) -> Floats:
    """Return the first spikes at or after a time in each sample, from that time."""
    first = np.full(len(trains) * trains.n, np.inf)
    sample = np.repeat(np.arange(len(trains)), np.diff(trains.starts))
    late = trains.times >= onset
    np.minimum.at(first, sample[late] * trains.n + trains.units[late], trains.times[late] - onset)
    return first.reshape(len(trains), trains.n)


def _short(values: Any) -> str:
    return np.array2string(np.asarray(values), threshold=6).replace("\n", " ")
