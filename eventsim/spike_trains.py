"""Spikes as a caller gives them: lists of times and units, checked at the door."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_spikes(
    times: ArrayLike, units: ArrayLike | None, n: int, name: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return spikes as arrays, checked.

    Parameters
    ----------
    times : array_like, shape (k,)
        In the network's time unit, in any order; spikes at inf never happen and are left out.
    units : array_like of int, shape (k,), or None for a population of one unit
    n : int
        Units of the population.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        If shapes do not match, a time is nan or -inf, or a unit does not exist.
    """
    t = np.asarray(times, float).reshape(-1)
    if units is None:
        if n != 1 and t.size:
            raise ValueError(f"spikes of {name!r} need units, because it has {n} of them")
        units = np.zeros(t.size, np.int64)
    u = np.asarray(units)
    if u.ndim == 0:
        u = np.full(t.size, u)
    u = u.reshape(-1)
    if t.size != u.size:
        raise ValueError(f"spikes of {name!r} have {t.size} times but {u.size} units")
    if u.size and u.dtype.kind not in "iu":
        raise TypeError(f"units of {name!r} must be integers, got {u.dtype}")
    if u.size and (u.min() < 0 or u.max() >= n):
        wrong = u[(u < 0) | (u >= n)][0]
        raise ValueError(f"{name!r} has units 0..{n - 1}, got a spike of unit {wrong}")
    if np.isnan(t).any() or (t == -np.inf).any():
        raise ValueError(f"spike times of {name!r} must be numbers, got {t[~np.isfinite(t)][0]}")
    kept = t < np.inf
    return t[kept], u[kept].astype(np.int64)
