"""Arrays as callers give them; what a conversion would lose is refused: masks, imaginary parts, units."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def plain_array(values: ArrayLike, what: str, kinds: str = "biufcmMSUTOV") -> NDArray[Any]:
    """Return values as an array, in which nothing is missing and nothing is dropped.

    Parameters
    ----------
    what : str
        What messages call the values.
    kinds : str
        The kinds of dtype that are allowed, as in `numpy.dtype.kind`.

    Raises
    ------
    ValueError
        If some of the values are masked.
    TypeError
        If the values are of another kind.
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{what} are masked in part; give those that are there, or fill the others")
    array = np.asarray(values)
    if array.dtype.kind not in kinds and array.size:
        raise TypeError(f"{what} must be {'real ' if 'c' not in kinds else ''}numbers, got {array.dtype}")
    return array
