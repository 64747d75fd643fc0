"""Parameters of units as the compiled neurons read them: a row a unit, or one for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["table"]


def table(values: Sequence[Any], n: int) -> NDArray[np.float64]:
    """Return numbers and arrays of shape (n,) as an array of shape (1 or n, number of values)."""
    rows = n if any(np.ndim(value) for value in values) else 1
    out = np.empty((rows, len(values)))
    for k, value in enumerate(values):
        out[:, k] = value
    return out
