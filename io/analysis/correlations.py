"""How spikes of units go together: cross-correlograms, correlation and synchrony."""

from __future__ import annotations

from typing import Literal

import numpy as np

from eventsim.hints import hinting
from eventsim.io.analysis.counting import bin_edges, binned_counts, per_second
from eventsim.io.analysis.elephant_trains import elephant_module, in_unit, neo_trains
from eventsim.io.analysis.population_spikes import PopulationSpikes, positive
from eventsim.trace import Floats

__all__ = ["correlation", "cross_correlogram", "spike_contrast", "spike_time_tiling", "synchrony"]

MOST_PAIRS = 10**7
"""Differences that are held in memory at one time."""


@hinting
def cross_correlogram(
    spikes: PopulationSpikes,
    other: PopulationSpikes | None = None,
    *,
    longest: float = 50.0,
    width: float = 1.0,
    kind: Literal["rate", "count"] = "rate",
) -> tuple[Floats, Floats]:
    r"""Return lags, and how often `other` spikes at each lag after a spike of `spikes`, both shape (n_lags,).

    Every pair of spikes counts at its exact difference of times; trains are not put into bins first, which
    would smear the correlogram over two bins.

    Parameters
    ----------
    spikes, other : PopulationSpikes
        The spikes of all selected units together; select single units for one pair. Without `other` it is the
        autocorrelogram: a spike is not paired with itself.
    longest : float
        Largest lag to either side, in the time unit; rounded to a whole number and a half of bins, so that a
        bin is centred at 0.
    width : float
        Of a bin of lags.
    kind : {"rate", "count"}
        "count": pairs in a bin. "rate": how fast `other` spikes at a lag, in Hz (per time unit where that is
        no unit of time), corrected for the ends of the recording, so that independent trains give the rate
        of `other` at each lag.

    Raises
    ------
    ValueError
        If a number is not positive, the two have not been observed for the same time, or the largest lag is
        not less than that time.
    """
    positive(width, "width")
    if kind not in ("rate", "count"):
        raise ValueError(f"kind must be 'rate' or 'count', got {kind!r}")
    alone = other is None
    other = spikes if other is None else other
    if (other.start, other.stop, other.time_unit) != (spikes.start, spikes.stop, spikes.time_unit):
        raise ValueError(
            f"a correlogram is of one interval of time; {spikes.name!r} has {spikes.start:g} to "
            f"{spikes.stop:g} {spikes.time_unit}, {other.name!r} {other.start:g} to {other.stop:g} "
            f"{other.time_unit}"
        )
    n_side = int(np.floor(longest / width + 1e-9))
    if not 0 < longest < spikes.duration:
        raise ValueError(f"longest must be positive and less than {spikes.duration:g}, got {longest!r}")
    lags = width * np.arange(-n_side, n_side + 1, dtype=np.float64)
    edges = width * (np.arange(-n_side, n_side + 2, dtype=np.float64) - 0.5)
    pairs = np.zeros(len(lags))
    first = np.searchsorted(other.times, spikes.times + edges[0])
    last = np.searchsorted(other.times, spikes.times + edges[-1], side="right")
    ends = np.cumsum(last - first)
    begin = 0
    while begin < len(spikes):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + MOST_PAIRS)))
        number = (last - first)[begin:end]
        source = np.repeat(np.arange(begin, end), number)
        place = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
        place += np.repeat(first[begin:end], number)
        kept = (source != place) if alone else np.ones(len(source), bool)
        difference = other.times[place[kept]] - spikes.times[source[kept]]
        bins = np.searchsorted(edges, difference, side="right") - 1
        inside = (bins >= 0) & (bins < len(lags))
        pairs += np.bincount(bins[inside], minlength=len(lags))
        begin = end
    if kind == "count":
        return lags, pairs
    observed = 1 - np.abs(lags) / spikes.duration
    with np.errstate(invalid="ignore", divide="ignore"):
        return lags, pairs / (len(spikes) * width * observed) * per_second(spikes.time_unit)


@hinting
def correlation(spikes: PopulationSpikes, *, width: float) -> Floats:
    """Return the Pearson correlation of the counts of each pair of units in bins, shape (n, n).

    nan for units whose count never changes.

    Raises
    ------
    ValueError
        If there are fewer than two bins of this width.
    """
    counted = _counts(spikes, width)
    counted = counted - counted.mean(axis=1, keepdims=True)
    size = np.sqrt((counted**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = counted @ counted.T / (size[:, None] * size)
    return np.clip(found, -1.0, 1.0)


@hinting
def synchrony(spikes: PopulationSpikes, *, width: float) -> float:
    r"""Return the synchrony :math:`\chi` of a population: 1 if all units do the same, near 0 if none do.

    :math:`\chi^2` is the variance over time of the mean count of the units, over the mean of the variances of
    their counts (Golomb and Rinzel 1994). :math:`n` independent units of one rate have
    :math:`\chi = 1 / \sqrt n`. nan where no count varies.

    Parameters
    ----------
    width : float
        Of the bins; spikes closer than this count as synchronous.
    """
    counted = _counts(spikes, width)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.sqrt(counted.mean(axis=0).var() / counted.var(axis=1).mean()))


@hinting
def spike_contrast(spikes: PopulationSpikes, *, min_width: float = 10.0) -> float:
    """Return the spike-contrast synchrony of a population, by Elephant (Ciba et al. 2018).

    It looks at bins of all widths from half the recording down to `min_width` and takes the best. 1 if all
    units spike at the same times.

    Raises
    ------
    ImportError
        If Elephant is not installed.
    ValueError
        If fewer than two units spike.
    """
    positive(min_width, "min_width")
    if len(np.unique(spikes.units)) < 2:
        raise ValueError(f"synchrony is between units; fewer than two of {spikes.name!r} spike")
    module = elephant_module("spike_train_synchrony")
    smallest = in_unit(min_width, spikes.time_unit)
    return float(module.spike_contrast(neo_trains(spikes), min_bin=smallest))


@hinting
def spike_time_tiling(spikes: PopulationSpikes, *, width: float) -> Floats:
    """Return the spike-time tiling coefficient of each pair of units, shape (n, n), by Elephant.

    1 for trains that agree within `width`, about 0 for independent ones at any rate, and as low as -1
    (Cutts and Eglen 2014). nan for silent units.

    Raises
    ------
    ImportError
        If Elephant is not installed.
    """
    positive(width, "width")
    module = elephant_module("spike_train_correlation")
    trains, reach = neo_trains(spikes), in_unit(width, spikes.time_unit)
    found = np.full((spikes.n, spikes.n), np.nan)
    for i in range(spikes.n):
        for j in range(i, spikes.n):
            if len(trains[i]) and len(trains[j]):
                found[i, j] = found[j, i] = module.spike_time_tiling_coefficient(trains[i], trains[j], reach)
    return found


def _counts(spikes: PopulationSpikes, width: float) -> Floats:
    """Return counts in bins, shape (n, n_bins), of which there are two or more."""
    if len(bin_edges(spikes.duration, width, spikes.start)) < 3:
        raise ValueError(f"a correlation needs two bins; {spikes.duration:g} holds fewer of width {width!r}")
    return binned_counts(spikes, width=width)[0].astype(np.float64)
