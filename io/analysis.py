"""Metrics of spike times and predictions: plain functions of arrays, without the engine."""

import numpy as np
from numpy.typing import ArrayLike

from eventsim.trace import Floats, Ints, Spikes


def first_spikes(spikes: Spikes, n: int) -> Floats:
    """Return the time of each unit's first spike, shape (n,); inf for units that are silent.

    >>> first_spikes(Spikes(np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2])), 3).tolist()
    [2.0, inf, 1.0]
    """
    first = np.full(n, np.inf)
    np.minimum.at(first, spikes.units, spikes.times)
    return first


def counts(spikes: Spikes, n: int, start: float = -np.inf, stop: float = np.inf) -> Ints:
    """Return how many spikes each unit has in [start, stop), shape (n,)."""
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return np.bincount(spikes.units[chosen], minlength=n).astype(np.int64)


def rates(spikes: Spikes, n: int, duration: float, start: float = 0.0, time_unit: str = "ms") -> Floats:
    """Return each unit's rate in [start, start + duration), shape (n,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit.
    """
    _positive(duration, "duration")
    return counts(spikes, n, start, start + duration) / duration * per_second(time_unit)


def population_rate(
    spikes: Spikes, n: int, duration: float, width: float, start: float = 0.0, time_unit: str = "ms"
) -> tuple[Floats, Floats]:
    """Return bin centres and the mean rate of a unit in each bin of a width, both shape (n_bins,).

    In Hz when the time unit is ns, us, ms or s, else in spikes per time unit. A last bin that would be cut
    is left out.
    """
    _positive(width, "width of bins")
    n_bins = max(1, int(np.floor(duration / width * (1 + 1e-12))))
    edges = start + width * np.arange(n_bins + 1)
    counted = np.diff(np.searchsorted(spikes.times, edges))
    centres = start + width * (np.arange(n_bins, dtype=np.float64) + 0.5)
    return centres, counted / (max(n, 1) * width) * per_second(time_unit)


def per_second(time_unit: str) -> float:
    """Return how many of a time unit make a second; 1 for units that are not of time."""
    return {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}.get(time_unit, 1.0)


def isi(spikes: Spikes) -> tuple[Floats, Ints]:
    """Return all intervals between successive spikes of a unit, and the unit of each; sorted by unit."""
    order = np.lexsort((spikes.times, spikes.units))
    times, units = spikes.times[order], spikes.units[order]
    same = units[1:] == units[:-1]
    return np.diff(times)[same], units[1:][same]


def cv(spikes: Spikes, n: int) -> Floats:
    """Return the coefficient of variation of each unit's intervals, shape (n,).

    Standard deviation (of the population, not of the sample) over mean; nan below two intervals.
    """
    intervals, units = isi(spikes)
    number = np.bincount(units, minlength=n).astype(np.float64)
    number[number < 2] = np.nan
    mean = np.bincount(units, intervals, n) / number
    variance = np.bincount(units, (intervals - mean[units]) ** 2, n) / number
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(variance) / mean)


def fano_factor(spikes: Spikes, n: int, duration: float, width: float, start: float = 0.0) -> Floats:
    """Return variance over mean of each unit's counts in bins of a width, shape (n,); nan for silent ones."""
    _positive(width, "width of bins")
    n_bins = int(np.floor(duration / width * (1 + 1e-12)))
    bins = np.floor((spikes.times - start) / width).astype(np.int64)
    kept = (bins >= 0) & (bins < n_bins)
    table = np.bincount(spikes.units[kept] * n_bins + bins[kept], minlength=n * n_bins).reshape(n, n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(table.var(axis=1) / table.mean(axis=1))


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Return the fraction of predictions that are right; nan when there are none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    if predicted.shape != labels.shape:
        raise ValueError(f"predictions {predicted.shape} and labels {labels.shape} must have the same shape")
    return float(np.mean(predicted == labels)) if labels.size else float("nan")


def confusion(predicted: ArrayLike, labels: ArrayLike, n_classes: int) -> Ints:
    """Return how often a class (row) was predicted as a class (column); predictions below 0 count nowhere."""
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    valid = predicted >= 0
    flat = np.bincount(labels[valid] * n_classes + predicted[valid], minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def predicted_class(first: ArrayLike) -> Ints:
    """Return the unit that spikes first, for each row of first spike times; -1 where all are silent."""
    first = np.asarray(first, np.float64)
    return np.where(np.isfinite(first).any(axis=-1), first.argmin(axis=-1), -1).astype(np.int64)


def window(spikes: Spikes, start: float, stop: float) -> Spikes:
    """Return the spikes in [start, stop)."""
    chosen = slice(*np.searchsorted(spikes.times, (start, stop)))
    return Spikes(spikes.times[chosen], spikes.units[chosen])


def subsample(spikes: Spikes, limit: int) -> tuple[Spikes, int]:
    """Return at most `limit` of the spikes, every k-th, and k."""
    every = max(1, -(-len(spikes) // max(1, limit)))
    return Spikes(spikes.times[::every], spikes.units[::every]), every


def _positive(value: float, what: str) -> None:
    if not value > 0:
        raise ValueError(f"{what} must be positive, got {value!r}")
