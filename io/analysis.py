"""Metrics of spike times and predictions: plain functions of arrays, without the engine.

Every metric says what it needs. Where that is not there, it gives nan instead of a number: intervals and bins
too few for a variation, no sample for an accuracy. `start` leaves out what came first, so that a transient
does not count.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import plain_array, shown
from eventsim.trace import Floats, Ints, Spikes

MOST_BINS = 10**8
MOST_SLOW_BINS = 10**6
EXACT = 2**53
"""Up to here every integer is a float."""
LEAST_INTERVALS = 10
"""Intervals of a unit below which `cv` gives no number."""
LEAST_BINS = 10
"""Bins below which `fano_factor` gives no number."""


def first_spikes(spikes: Spikes, n: int) -> Floats:
    """Return the time of each unit's first spike, shape (n,); inf for units that are silent.

    >>> first_spikes(Spikes(np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2])), 3).tolist()
    [2.0, inf, 1.0]
    """
    _check_units(spikes, n)
    first = np.full(n, np.inf)
    np.minimum.at(first, spikes.units, spikes.times)
    return first


def counts(spikes: Spikes, n: int, start: float = -np.inf, stop: float = np.inf) -> Ints:
    """Return how many spikes each unit has in [start, stop), shape (n,)."""
    _check_units(spikes, n)
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return np.bincount(spikes.units[chosen], minlength=n).astype(np.int64)


def rates(spikes: Spikes, n: int, duration: float, start: float = 0.0, time_unit: str = "ms") -> Floats:
    """Return each unit's rate in [start, start + duration), shape (n,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit. A silent unit has the rate 0; a
    rate from k spikes is known to about 1 part in sqrt(k).
    """
    _positive(duration, "duration")
    return counts(spikes, n, start, start + duration) / duration * per_second(time_unit)


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
    _positive(width, "width of bins")
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


def binned_counts(
    spikes: Spikes, n: int, duration: float, width: float, start: float = 0.0
) -> tuple[Ints, Floats]:
    """Return the spikes of each unit in each bin, shape (n, n_bins), and the `bin_edges`."""
    _check_units(spikes, n)
    edges = bin_edges(duration, width, start)
    first, last = np.searchsorted(spikes.times, edges[[0, -1]])
    places = np.searchsorted(edges, spikes.times[first:last], side="right") - 1
    n_bins = len(edges) - 1
    flat = np.bincount(spikes.units[first:last] * n_bins + places, minlength=n * n_bins)
    return flat.reshape(n, n_bins).astype(np.int64), edges


def population_rate(
    spikes: Spikes, n: int, duration: float, width: float, start: float = 0.0, time_unit: str = "ms"
) -> tuple[Floats, Floats]:
    """Return the centres of the `bin_edges` and the mean rate of a unit in each bin, both shape (n_bins,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit. There is at least one unit.
    """
    if n < 1:
        raise ValueError(f"the rate of a population needs at least one unit, got n={n!r}")
    _check_units(spikes, n)
    edges = bin_edges(duration, width, start)
    counted = np.diff(np.searchsorted(spikes.times, edges))
    centres = start + width * (np.arange(len(edges) - 1, dtype=np.float64) + 0.5)
    return centres, counted / (n * width) * per_second(time_unit)


def per_second(time_unit: str) -> float:
    """Return how many of a time unit make a second; 1 for units that are not of time."""
    return {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}.get(time_unit, 1.0)


def isi(spikes: Spikes) -> tuple[Floats, Ints]:
    """Return all intervals between successive spikes of a unit, and the unit of each; sorted by unit."""
    order = np.lexsort((spikes.times, spikes.units))
    times, units = spikes.times[order], spikes.units[order]
    same = units[1:] == units[:-1]
    return np.diff(times)[same], units[1:][same]


def cv(
    spikes: Spikes,
    n: int,
    *,
    min_intervals: int = LEAST_INTERVALS,
    start: float = -np.inf,
    stop: float = np.inf,
) -> Floats:
    """Return the coefficient of variation of each unit's inter-spike intervals, shape (n,).

    Standard deviation (of the population, not of the sample) over mean.

    Parameters
    ----------
    min_intervals : int
        Units with fewer intervals have nan. Few intervals give too small a value on average: a Poisson
        process has 0.3 with two and 0.9 with ten, not 1.
    start, stop : float
        Only intervals of spikes in [start, stop) count, so that a transient at the start can be left out.

    Raises
    ------
    ValueError
        If `min_intervals` is less than 2.
    """
    if min_intervals < 2:
        raise ValueError(
            f"one interval has no variation; min_intervals must be 2 or more, got {min_intervals}"
        )
    _check_units(spikes, n)
    intervals, units = isi(window(spikes, start, stop))
    number = np.bincount(units, minlength=n).astype(np.float64)
    number[number < min_intervals] = np.nan
    mean = np.bincount(units, intervals, n) / number
    variance = np.bincount(units, (intervals - mean[units]) ** 2, n) / number
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(variance) / mean)


def fano_factor(
    spikes: Spikes, n: int, duration: float, width: float, start: float = 0.0, *, min_bins: int = LEAST_BINS
) -> Floats:
    """Return variance over mean of each unit's counts in the `bin_edges`, shape (n,); nan for silent units.

    Parameters
    ----------
    min_bins : int
        With fewer bins all units have nan: a variance over m bins is (m - 1) / m of the true one, on
        average.

    Raises
    ------
    ValueError
        If `min_bins` is less than 2.
    """
    if min_bins < 2:
        raise ValueError(f"one bin has no variance; min_bins must be 2 or more, got {min_bins}")
    counted, _ = binned_counts(spikes, n, duration, width, start)
    if counted.shape[1] < min_bins:
        return np.full(n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counted.var(axis=1) / counted.mean(axis=1))


def first_where(values: ArrayLike, holds: ArrayLike) -> float:
    """Return the first of the values at which a condition holds; nan if it never does.

    >>> first_where([3, 4, 5], [False, True, True]), first_where([3, 4, 5], [False, False, False])
    (4.0, nan)
    """
    held = np.flatnonzero(holds)
    return float(np.asarray(values)[held[0]]) if held.size else math.nan


def rms(values: ArrayLike) -> float:
    """Return the root of the mean square of all values; nan when there are none.

    >>> rms([3.0, -4.0]), rms([])
    (3.5355339059327378, nan)
    """
    array = plain_array(values, "values", "biuf").astype(np.float64)
    return float(np.sqrt(np.mean(array**2))) if array.size else math.nan


def spread(values: ArrayLike) -> float:
    """Return the standard deviation of a sample, over n - 1; nan for fewer than two values.

    >>> spread([1.0, 3.0]), spread([1.0])
    (1.4142135623730951, nan)
    """
    array = plain_array(values, "values", "biuf").astype(np.float64)
    return float(array.std(ddof=1)) if array.size > 1 else math.nan


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Return the fraction of predictions that are right; nan when there are none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    predicted, labels = plain_array(predicted, "predictions"), plain_array(labels, "labels")
    if predicted.shape != labels.shape:
        raise ValueError(f"predictions {predicted.shape} and labels {labels.shape} must have the same shape")
    return float(np.mean(predicted == labels)) if labels.size else float("nan")


def confusion(predicted: ArrayLike, labels: ArrayLike, n_classes: int) -> Ints:
    """Return how often a class (row) was predicted as a class (column); predictions below 0 count nowhere."""
    predicted = plain_array(predicted, "predictions", "iu")
    labels = plain_array(labels, "labels", "iu")
    valid = predicted >= 0
    flat = np.bincount(labels[valid] * n_classes + predicted[valid], minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def predicted_class(first: ArrayLike) -> Ints:
    """Return the unit that spikes first, for each row of first spike times; -1 where all are silent."""
    first = plain_array(first, "first spike times", "iuf").astype(np.float64)
    return np.where(np.isfinite(first).any(axis=-1), first.argmin(axis=-1), -1).astype(np.int64)


def window(spikes: Spikes, start: float, stop: float) -> Spikes:
    """Return the spikes in [start, stop)."""
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return Spikes(spikes.times[chosen], spikes.units[chosen])


def subsample(spikes: Spikes, limit: int) -> tuple[Spikes, int]:
    """Return at most `limit` of the spikes, every k-th, and k."""
    every = max(1, -(-len(spikes) // max(1, limit)))
    return Spikes(spikes.times[::every], spikes.units[::every]), every


def _check_units(spikes: Spikes, n: int) -> None:
    if not hasattr(spikes, "units"):
        raise TypeError(f"a metric is of Spikes, such as sim.spikes(name), got {shown(spikes)}")
    if len(spikes.units) and not 0 <= spikes.units.min() <= spikes.units.max() < n:
        wrong = spikes.units[(spikes.units < 0) | (spikes.units >= n)][0]
        raise ValueError(f"spikes of {n} units have units 0..{n - 1}, got a spike of unit {int(wrong)}")


def _positive(value: float, what: str) -> None:
    if not value > 0:
        raise ValueError(f"{what} must be positive, got {value!r}")
