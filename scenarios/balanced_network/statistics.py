"""How often units fire, and how irregularly."""

from collections.abc import Iterable

import numpy as np

from eventsim.trace import Floats, Ints


def per_second(count: float, n: int, duration: float) -> float:
    """Return the mean rate in Hz of `n` units with `count` spikes in `duration` ms."""
    return 1e3 * float(count) / (n * duration) if duration > 0 else 0.0


WARM_UP = 100.0  # ms at the start, in which the network leaves its initial state
LEAST_INTERVALS = 10  # with fewer, the variation of a Poisson process is found far below 1


def interval_statistics(
    pieces: Iterable[tuple[Floats, Ints]],
    n: int,
    start: float = WARM_UP,
    min_intervals: int = LEAST_INTERVALS,
) -> tuple[Ints, Floats]:
    """Return how often units fired and how irregularly.

    Parameters
    ----------
    pieces : iterable of (times, units)
        Spikes in the order of time.
    n : int
        Number of units.
    start : float
        Only intervals between spikes at this time and later count.
    min_intervals : int
        A unit with fewer has no variation.

    Returns
    -------
    counts : ndarray, shape (n,)
        All spikes of a unit, those before `start` as well.
    cv : ndarray, shape (n,)
        Standard deviation of a unit's inter-spike intervals over their mean; nan with too few of them.
    """
    counts, number = np.zeros(n, np.int64), np.zeros(n, np.int64)
    total, squares, last = np.zeros(n), np.zeros(n), np.full(n, np.nan)
    for times, units in pieces:
        counts += np.bincount(units, minlength=n)
        times, units = times[times >= start], units[times >= start]
        order = np.argsort(units, kind="stable")
        times, units = times[order], units[order]
        first = np.r_[True, units[1:] != units[:-1]][: len(units)]
        before = np.r_[np.nan, times[:-1]][: len(times)]
        before[first] = last[units[first]]
        interval = times - before
        known = np.isfinite(interval)
        number += np.bincount(units[known], minlength=n)
        total += np.bincount(units[known], interval[known], n)
        squares += np.bincount(units[known], interval[known] ** 2, n)
        last[units[np.r_[first[1:], True][: len(units)]]] = times[np.r_[first[1:], True][: len(units)]]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / number
        cv = np.sqrt(np.maximum(squares / number - mean**2, 0.0)) / mean
    cv[number < min_intervals] = np.nan
    return counts, cv
