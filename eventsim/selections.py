"""Which units, or samples, somebody asks for: one function reads every such selection."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array

__all__ = ["selected"]


def selected(given: ArrayLike | slice | None, n: int, what: str, of: str) -> NDArray[np.int64]:
    """Return the numbers that a selection stands for.

    Parameters
    ----------
    given : array_like of int, array_like of bool, slice or None
        Numbers, in this order; or as in NumPy a mask of length `n`, or a slice; None for all.
    n : int
        How many there are.
    what, of : str
        What messages call them, and what they belong to: "units", "'hidden'".

    Raises
    ------
    TypeError
        If they are no integers.
    ValueError
        If a number is out of range or occurs twice, a mask has another length, or nothing is selected.

    Examples
    --------
    >>> selected([True, False, True], 3, "units", "'hidden'")
    array([0, 2])
    >>> selected([0.5], 3, "units", "'hidden'")
    Traceback (most recent call last):
    TypeError: units of 'hidden' must be integers or a mask, got float64
    """
    if given is None or isinstance(given, slice):
        return np.arange(n)[slice(None) if given is None else given]
    label = f"{what} of {of}"
    array = np.atleast_1d(plain_array(given, label))
    if array.ndim != 1:
        raise ValueError(f"{label} must be a list, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{label} must be at least one, got none; leave {what} out for all")
    if array.dtype == bool:
        if len(array) != n:
            raise ValueError(f"a mask of {label} must have {n} entries, got {len(array)}")
        if not array.any():
            raise ValueError(f"{label} must be at least one, got a mask without True")
        return np.flatnonzero(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{label} must be integers or a mask, got {array.dtype}")
    if array.min() < 0 or array.max() >= n:
        raise ValueError(f"{of} has {what} 0..{n - 1}, got {array.tolist()}")
    if len(np.unique(array)) != len(array):
        raise ValueError(f"{label} to record must differ, got {array.tolist()}")
    return array.astype(np.int64)
