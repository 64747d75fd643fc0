"""Checks of states before they are put back: a state may come from a file that somebody changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["state_array"]


def state_array(
    state: Mapping[str, Any],
    name: str,
    dtype: DTypeLike,
    shape: tuple[int, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    *,
    of: str = "",
) -> NDArray[Any]:
    """Return an array of a state as a copy, checked.

    Parameters
    ----------
    state : mapping of str to array
    name : str
        Of the array.
    dtype : dtype
        What it is converted to.
    shape : tuple of int, optional
        What its shape must be; one dimension of any length unless given.
    low, high : float, optional
        Bounds of its values: low <= value < high.
    of : str
        What the message calls whose state it is.

    Raises
    ------
    ValueError
        If it is missing, has another shape, holds nan, or a value is out of bounds.
    """
    what = f"{name!r} in the state of {of}" if of else f"{name!r} in the state"
    if name not in state:
        raise ValueError(f"{what} is missing")
    given = np.asarray(state[name])
    if given.dtype.kind not in "fiub":
        raise ValueError(f"{what} must hold numbers, got {given.dtype}")
    if given.shape != shape if shape is not None else given.ndim != 1:
        expected = "one dimension" if shape is None else f"shape {shape}"
        raise ValueError(f"{what} has shape {given.shape}, expected {expected}")
    wrong = given != given
    if low is not None:
        wrong |= given < low
    if high is not None:
        wrong |= given >= high
    if wrong.any():
        raise ValueError(f"{what} holds {given[wrong].flat[0]!r}, which no state of this network can have")
    return np.array(given, dtype)
