"""Fixed grids of a circuit: a few levels of a weight, and the multiples of a step that a converter sets.

    level(w)         the nearest of given levels; the upper one in the middle between two
    fixed_point(b)   step clip(floor(b / step + 1/2), -2^(bits-1), 2^(bits-1) - 1)

Unlike those of `Quantizer`, these ranges belong to the circuit and not to the numbers that are rounded.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["checked_levels", "fixed_point", "fixed_range", "nearest_level"]

Floats = NDArray[np.float64]


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return levels that ascend.

    Raises
    ------
    ValueError
        If there are fewer than two, or they do not ascend within -1 and 1.
    """
    found = tuple(float(each) for each in levels)
    ascending = all(one < other for one, other in pairwise(found))
    if len(found) < 2 or not ascending or not -1 <= found[0] <= found[-1] <= 1:
        raise ValueError(f"levels must be at least 2 ascending numbers within -1 and 1, got {levels!r}")
    return found


def nearest_level(w: ArrayLike, levels: Sequence[float]) -> NDArray[np.uint8]:
    """Return which level is the nearest of each number, counted from the lowest."""
    steps = np.asarray(levels, np.float64)
    middles = 0.5 * (steps[1:] + steps[:-1])
    return np.searchsorted(middles, np.asarray(w, np.float64), side="right").astype(np.uint8)


def fixed_range(step: float, bits: int) -> tuple[float, float]:
    """Return the lowest and the highest number of a grid of signed multiples of `step`."""
    half = 2 ** (bits - 1)
    return -half * step, (half - 1) * step


def fixed_point(b: ArrayLike, step: float, bits: int) -> Floats:
    """Return the nearest numbers of a grid of signed multiples of `step`."""
    half = 2 ** (bits - 1)
    codes = np.floor(np.asarray(b, np.float64) / step + 0.5)
    found: Floats = step * np.clip(codes, -half, half - 1)
    return found
