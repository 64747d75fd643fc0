"""How many spikes, and when: first spikes, counts, rates, bins."""

import math
from fractions import Fraction

import numpy as np

from eventsim.hints import hinting
from eventsim.io.analysis.population_spikes import (
    PopulationSpikes,
    number_of_units,
    positive,
    refuse_others,
)
from eventsim.io.plain import shown
from eventsim.trace import Floats, Ints, Spikes

MOST_BINS = 10**8
MOST_SLOW_BINS = 10**6
EXACT = 2**53
"""Up to here every integer is a float."""

Measured = Spikes | PopulationSpikes
"""The spikes that a measure takes: what `select` returns, or `Spikes` and the number of units."""


def extent(
    spikes: Measured, duration: float | None, start: float | None, time_unit: str | None
) -> tuple[float, float, str]:
    """Return duration, start and time unit: those given, else those of what `select` returned.

    Raises
    ------
    TypeError
        If these are no spikes, or nobody says how long was observed.
    """
    refuse_others(spikes)
    if isinstance(spikes, PopulationSpikes):
        start = spikes.start if start is None else start
        duration = spikes.stop - start if duration is None else duration
        time_unit = spikes.time_unit if time_unit is None else time_unit
    if duration is None:
        raise TypeError("the duration is needed for Spikes; or give select(...), which knows it")
    return duration, 0.0 if start is None else start, "ms" if time_unit is None else time_unit


@hinting
def first_spikes(spikes: Measured, n: int | None = None) -> Floats:
    """Return the time of each unit's first spike, shape (n,); inf for units that are silent.

    >>> first_spikes(Spikes(np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2])), 3).tolist()
    [2.0, inf, 1.0]
    """
    n = number_of_units(spikes, n)
    first = np.full(n, np.inf)
    np.minimum.at(first, spikes.units, spikes.times)
    return first


@hinting
def counts(spikes: Measured, n: int | None = None, start: float = -np.inf, stop: float = np.inf) -> Ints:
    """Return how many spikes each unit has in [start, stop), shape (n,)."""
    n = number_of_units(spikes, n)
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return np.bincount(spikes.units[chosen], minlength=n).astype(np.int64)


@hinting
def rates(
    spikes: Measured,
    n: int | None = None,
    duration: float | None = None,
    start: float | None = None,
    time_unit: str | None = None,
) -> Floats:
    """Return each unit's rate in [start, start + duration), shape (n,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit. A silent unit has the rate 0; a
    rate from k spikes is known to about 1 part in sqrt(k). What `select` returned knows the interval and the
    unit; for `Spikes` the interval starts at 0 and the unit is ms unless something else is given.

    >>> rates(Spikes(np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2])), 3, 10.0).tolist()
    [100.0, 0.0, 200.0]
    """
    duration, start, time_unit = extent(spikes, duration, start, time_unit)
    positive(duration, "duration")
    return counts(spikes, n, start, start + duration) / duration * per_second(time_unit)


@hinting
def bin_edges(duration: float, width: float, start: float = 0.0) -> Floats:
    """Return the borders of bins of a width, shape (n_bins + 1,): the bins of all metrics and plots.

    Bin k holds the spikes in ``[edges[k], edges[k + 1])``. A last bin that would be cut is left out.

    Notes
    -----
    Numbers count as the decimals that they are written as, so that 0.3 holds three bins of 0.1 although the
    float 0.3 is less than three times the float 0.1. A spike on a border is in the bin to its right, both at
    the float next to the decimal, 0.3, and at the rounded product, 3 * 0.1, which is a little later.

    Raises
    ------
    ValueError
        If a number is not finite, or `width` is not positive.

    >>> bin_edges(0.3, 0.1).tolist()
    [0.0, 0.1, 0.2, 0.3]
    """
    for value, what in ((duration, "duration"), (width, "width"), (start, "start")):
        if not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"{what} of bins must be a number, got {shown(value)}")
    positive(width, "width of bins")
    if not np.isfinite([duration, width, start]).all() or duration < 0:
        raise ValueError(
            f"bins need finite numbers and a duration of 0 or more, got duration={duration!r}, "
            f"width={width!r}, start={start!r}"
        )
    first, step = Fraction(repr(float(start))), Fraction(repr(float(width)))
    n_bins = Fraction(repr(float(duration))) // step
    n_bins += width * (n_bins + 1) <= duration or float(step * (n_bins + 1)) <= duration
    if n_bins > MOST_BINS:
        raise ValueError(f"bins of width {width!r} in {duration!r} would be {n_bins}, more than {MOST_BINS}")
    k = np.arange(n_bins + 1, dtype=np.int64)
    edges = start + width * k
    ahead = round(first / step)
    if start in (width * ahead, float(step * ahead)):  # the border of a bin that begins at 0
        first = step * ahead
        edges = np.minimum(edges, width * (k + ahead))
    scale = math.lcm(first.denominator, step.denominator)
    offset, pitch = int(first * scale), int(step * scale)
    if scale <= EXACT and abs(offset) + (n_bins + 1) * pitch <= EXACT:
        edges = np.minimum(edges, (offset + pitch * k) / scale)
    elif n_bins <= MOST_SLOW_BINS:  # Python divides integers of any size with one rounding
        edges = np.minimum(edges, [(offset + pitch * each) / scale for each in range(n_bins + 1)])
    return np.asarray(edges, np.float64)


@hinting
def binned_counts(
    spikes: Measured,
    n: int | None = None,
    duration: float | None = None,
    width: float = 1.0,
    start: float | None = None,
) -> tuple[Ints, Floats]:
    """Return the spikes of each unit in each bin, shape (n, n_bins), and the `bin_edges`."""
    n = number_of_units(spikes, n)
    duration, start, _ = extent(spikes, duration, start, None)
    edges = bin_edges(duration, width, start)
    first, last = np.searchsorted(spikes.times, edges[[0, -1]])
    places = np.searchsorted(edges, spikes.times[first:last], side="right") - 1
    n_bins = len(edges) - 1
    flat = np.bincount(spikes.units[first:last] * n_bins + places, minlength=n * n_bins)
    return flat.reshape(n, n_bins).astype(np.int64), edges


@hinting
def population_rate(
    spikes: Measured,
    n: int | None = None,
    duration: float | None = None,
    width: float = 1.0,
    start: float | None = None,
    time_unit: str | None = None,
) -> tuple[Floats, Floats]:
    """Return the centres of the `bin_edges` and the mean rate of a unit in each bin, both shape (n_bins,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit. There is at least one unit.
    """
    n = number_of_units(spikes, n)
    if n < 1:
        raise ValueError(f"the rate of a population needs at least one unit, got n={n!r}")
    duration, start, time_unit = extent(spikes, duration, start, time_unit)
    edges = bin_edges(duration, width, start)
    counted = np.diff(np.searchsorted(spikes.times, edges))
    centres = start + width * (np.arange(len(edges) - 1, dtype=np.float64) + 0.5)
    return centres, counted / (n * width) * per_second(time_unit)


def per_second(time_unit: str) -> float:
    """Return how many of a time unit make a second; 1 for units that are not of time."""
    return {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}.get(time_unit, 1.0)


def window(spikes: Measured, start: float, stop: float) -> Spikes:
    """Return the spikes in [start, stop)."""
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return Spikes(spikes.times[chosen], spikes.units[chosen])


def subsample(spikes: Measured, limit: int) -> tuple[Spikes, int]:
    """Return at most `limit` of the spikes, every k-th, and k."""
    every = max(1, -(-len(spikes) // max(1, limit)))
    return Spikes(spikes.times[::every], spikes.units[::every]), every
