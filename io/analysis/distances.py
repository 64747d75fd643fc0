"""How different spike trains are, in their times: van Rossum and Victor-Purpura, by Elephant."""

from __future__ import annotations

import math

import numpy as np

from eventsim.hints import hinting
from eventsim.io.analysis.elephant_trains import elephant_module, in_unit, neo_trains
from eventsim.io.analysis.population_spikes import PopulationSpikes, positive
from eventsim.trace import Floats

__all__ = ["van_rossum", "victor_purpura"]


@hinting
def van_rossum(spikes: PopulationSpikes, other: PopulationSpikes | None = None, *, tau: float) -> Floats:
    r"""Return the van Rossum distance of each pair of units, shape (n, n), or (n, n_other) with `other`.

    Each spike becomes :math:`e^{-t/\tau}`; the distance is the root of the integral of the squared difference
    over time, times :math:`\sqrt{2/\tau}`, so that one spike and none are at distance 1. Divide by
    :math:`\sqrt 2` for the normalisation of van Rossum 2001.

    Parameters
    ----------
    spikes, other : PopulationSpikes
        What `select` returns; select one unit over many samples for distances between trials.
    tau : float
        Time constant, in the time unit of the spikes; `inf` compares numbers of spikes only.

    Raises
    ------
    ImportError
        If Elephant is not installed.
    ValueError
        If `tau` is not positive, or the time units differ.
    """
    positive(tau, "tau")
    both, n = _together(spikes, other)
    dissimilarity = elephant_module("spike_train_dissimilarity")
    trains = neo_trains(both)
    constant = in_unit(tau, both.time_unit)
    with np.errstate(invalid="ignore"):
        if tau == math.inf:
            sizes = np.array([len(train) for train in trains], np.float64)
            found = np.abs(sizes[:, None] - sizes)
        else:
            found = np.asarray(dissimilarity.van_rossum_distance(trains, constant, sort=False), np.float64)
    return found if other is None else found[:n, n:]


@hinting
def victor_purpura(spikes: PopulationSpikes, other: PopulationSpikes | None = None, *, cost: float) -> Floats:
    """Return the Victor-Purpura distance of each pair of units, shape (n, n), or (n, n_other) with `other`.

    The least cost to turn one train into the other: 1 for a spike that is added or removed, `cost` times the
    shift for a spike that is moved (Victor and Purpura 1996). Two spikes further apart than 2 / `cost` are
    never moved into each other.

    Parameters
    ----------
    spikes, other : as in `van_rossum`.
    cost : float
        Per time unit of the spikes; 0 compares numbers of spikes only.

    Raises
    ------
    ImportError
        If Elephant is not installed.
    ValueError
        If `cost` is negative or not finite, or the time units differ.
    """
    if not 0 <= cost < math.inf:
        raise ValueError(f"cost must be finite and 0 or more, got {cost!r}")
    both, n = _together(spikes, other)
    dissimilarity = elephant_module("spike_train_dissimilarity")
    found = np.asarray(
        dissimilarity.victor_purpura_distance(
            neo_trains(both), in_unit(cost, both.time_unit, -1), sort=False, algorithm="fast"
        ),
        np.float64,
    )
    return found if other is None else found[:n, n:]


def _together(spikes: PopulationSpikes, other: PopulationSpikes | None) -> tuple[PopulationSpikes, int]:
    """Return the units of both as one population, and how many are of the first."""
    for each in (spikes, other):
        if each is not None and not isinstance(each, PopulationSpikes):
            raise TypeError(f"distances are of what select() returns, got {each!r}")
    if other is None:
        return spikes, spikes.n
    if other.time_unit != spikes.time_unit:
        raise ValueError(
            f"{spikes.name!r} is in {spikes.time_unit}, {other.name!r} in {other.time_unit}; "
            "distances need one time unit"
        )
    from eventsim.trace import Spikes

    times = np.concatenate([spikes.times, other.times])
    units = np.concatenate([spikes.units, other.units + spikes.n])
    order = np.lexsort((units, times))
    return PopulationSpikes(
        Spikes(times[order], units[order]),
        spikes.n + other.n,
        min(spikes.start, other.start),
        max(spikes.stop, other.stop),
        spikes.time_unit,
    ), spikes.n
