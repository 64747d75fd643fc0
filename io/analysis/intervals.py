"""How regular spikes are: intervals, their variation, and the variation of counts."""

from typing import Literal

import numpy as np

from eventsim.hints import hinting
from eventsim.io.analysis.counting import Measured, binned_counts, window
from eventsim.io.analysis.elephant_trains import elephant_module, in_unit
from eventsim.io.analysis.population_spikes import number_of_units
from eventsim.trace import Floats, Ints

LEAST_INTERVALS = 10
"""Intervals of a unit below which `cv` gives no number."""
LEAST_BINS = 10
"""Bins below which `fano_factor` gives no number."""


@hinting
def isi(spikes: Measured) -> tuple[Floats, Ints]:
    """Return all intervals between successive spikes of a unit, and the unit of each; sorted by unit."""
    order = np.lexsort((spikes.times, spikes.units))
    times, units = spikes.times[order], spikes.units[order]
    same = units[1:] == units[:-1]
    return np.diff(times)[same], units[1:][same]


@hinting
def cv(
    spikes: Measured,
    n: int | None = None,
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
    _at_least_two(min_intervals)
    n = number_of_units(spikes, n)
    intervals, units = isi(window(spikes, start, stop))
    number = np.bincount(units, minlength=n).astype(np.float64)
    number[number < min_intervals] = np.nan
    mean = np.bincount(units, intervals, n) / number
    variance = np.bincount(units, (intervals - mean[units]) ** 2, n) / number
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(variance) / mean)


@hinting
def local_cv(
    spikes: Measured,
    n: int | None = None,
    measure: Literal["cv2", "lv", "lvr"] = "cv2",
    *,
    refractory: float = 5.0,
    min_intervals: int = LEAST_INTERVALS,
    start: float = -np.inf,
    stop: float = np.inf,
) -> Floats:
    """Return a local variation of each unit's inter-spike intervals, shape (n,), by Elephant.

    It compares an interval with the next one, so that a rate that changes slowly does not count as
    irregularity. Regular spikes have 0, a Poisson process 1.

    Parameters
    ----------
    measure : {"cv2", "lv", "lvr"}
        CV2 (Holt et al. 1996), LV (Shinomoto et al. 2003), or LvR (Shinomoto et al. 2009), which takes the
        refractory time into account.
    refractory : float
        The refractory constant R of LvR, in the time unit of the spikes.
    min_intervals, start, stop : as in `cv`.

    Raises
    ------
    ImportError
        If Elephant is not installed.
    ValueError
        If there is no such measure, `min_intervals` is less than 2, or `refractory` is negative.
    """
    if measure not in ("cv2", "lv", "lvr"):
        raise ValueError(f"measure must be 'cv2', 'lv' or 'lvr', got {measure!r}")
    if not 0 <= refractory < np.inf:
        raise ValueError(f"refractory must be finite and 0 or more, got {refractory!r}")
    _at_least_two(min_intervals)
    n = number_of_units(spikes, n)
    statistics = elephant_module("statistics")
    intervals, units = isi(window(spikes, start, stop))
    found = np.full(n, np.nan)
    for unit, its in enumerate(np.split(intervals, np.searchsorted(units, np.arange(1, n)))):
        if unit < n and len(its) >= min_intervals:
            if measure == "lvr":  # a ratio of times, so any unit will do for both
                found[unit] = statistics.lvr(in_unit(its, "ms"), R=in_unit(refractory, "ms"))
            else:
                found[unit] = getattr(statistics, measure)(its)
    return found


@hinting
def fano_factor(
    spikes: Measured,
    n: int | None = None,
    duration: float | None = None,
    width: float = 1.0,
    start: float | None = None,
    *,
    min_bins: int = LEAST_BINS,
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
        return np.full(len(counted), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counted.var(axis=1) / counted.mean(axis=1))


def _at_least_two(min_intervals: int) -> None:
    if min_intervals < 2:
        raise ValueError(
            f"one interval has no variation; min_intervals must be 2 or more, got {min_intervals}"
        )
