"""How often units fire, and how irregularly."""

from collections.abc import Iterable

import numpy as np

from eventsim.trace import Floats, Ints


def per_second(count: float, n: int, duration: float) -> float:
    """Return the mean rate in Hz of `n` units with `count` spikes in `duration` ms."""
    return 1e3 * float(count) / (n * duration) if duration > 0 else 0.0


def interval_statistics(pieces: Iterable[tuple[Floats, Ints]], n: int) -> tuple[Ints, Floats]:
    """Return how often units fired and how irregularly.

    Parameters
    ----------
    pieces : iterable of (times, units)
        Spikes in the order of time.
    n : int
        Number of units.

    Returns
    -------
    counts : ndarray, shape (n,)
    cv : ndarray, shape (n,)
        Standard deviation of a unit's inter-spike intervals over their mean; nan below 3 spikes.
    """
    counts = np.zeros(n, np.int64)
    total, squares, last = np.zeros(n), np.zeros(n), np.full(n, np.nan)
    for times, units in pieces:
        order = np.argsort(units, kind="stable")
        times, units = times[order], units[order]
        first = np.r_[True, units[1:] != units[:-1]][: len(units)]
        before = np.r_[np.nan, times[:-1]][: len(times)]
        before[first] = last[units[first]]
        interval = times - before
        known = np.isfinite(interval)
        total += np.bincount(units[known], interval[known], n)
        squares += np.bincount(units[known], interval[known] ** 2, n)
        last[units[np.r_[first[1:], True][: len(units)]]] = times[np.r_[first[1:], True][: len(units)]]
        counts += np.bincount(units, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / (counts - 1)
        cv = np.sqrt(np.maximum(squares / (counts - 1) - mean**2, 0.0)) / mean
    cv[counts < 3] = np.nan
    return counts, cv
