"""Arrays as callers give them: one function reads them; what a conversion would lose is refused.

Lost without a word would be masks, units of one's own (of `quantities`, astropy, pint) and imaginary parts.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["one_path", "plain_array", "real_array", "shown", "truth"]

REAL = "fiu"
PLAIN = {int, float, bool, str, list, tuple, np.ndarray, np.float64, np.float32, np.int64, np.int32}
"""Types that have neither a mask nor a unit themselves."""


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
        If some of the values are masked, or rows have unequal lengths.
    TypeError
        If the values are of another kind, or have a unit of their own.
    """
    if type(values) is np.ndarray and values.dtype.kind in kinds:
        return values  # most are, and training reads some for every sample
    each = values if isinstance(values, list | tuple) else (values,)
    if PLAIN.issuperset(map(type, each)):
        each = ()
    unit = next((found for one in each if (found := _unit_of(one))), None)
    if unit is not None:
        raise TypeError(
            f"{what} must be plain numbers, got a quantity in {unit}; convert it, and give its numbers"
        )
    if any(isinstance(one, np.ma.MaskedArray) and np.ma.is_masked(one) for one in each):
        raise ValueError(f"{what} are masked in part; give those that are there, or fill the others")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{what} are rows of unequal length") from None
    except Exception as error:  # of a foreign array: a tensor that requires a gradient, one on another device
        raise TypeError(f"{what} cannot be read as numbers: {_line(str(error))}") from None
    if array.dtype.kind not in kinds and array.size:
        raise TypeError(f"{what} must be {'real ' if 'c' not in kinds else ''}numbers, got {array.dtype}")
    return array


def real_array(values: ArrayLike, what: str, dtype: Any = np.float64) -> NDArray[Any]:
    """Return real numbers as an array of `dtype`, which is the caller's if that fits; truth values are none.

    Raises
    ------
    TypeError, ValueError
        As `plain_array`.
    """
    return np.asarray(plain_array(values, what, REAL), dtype)


def one_path(value: Any, name: str) -> Path:
    """Return where a file or folder is.

    Raises
    ------
    TypeError
        If it is no path.
    """
    if isinstance(value, str | os.PathLike) and isinstance(text := os.fspath(value), str) and text:
        return Path(text)
    raise TypeError(f"{name} must be a path, such as 'results/run', got {shown(value)}")


def truth(value: Any, name: str) -> bool:
    """Return a truth value; a text such as "no" is none.

    Raises
    ------
    TypeError
        If it is not True or False.
    """
    if isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {shown(value)}")


def shown(value: Any, length: int = 60) -> str:
    """Return how a message shows a value: on one line, and short."""
    return _line(repr(value), length)


def _line(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _unit_of(value: Any) -> str | None:
    """Return the unit of a quantity; None for plain numbers."""
    if isinstance(value, int | float | str) or type(value) is np.ndarray:
        return None
    if hasattr(value, "magnitude") or hasattr(value, "rescale"):  # pint; quantities, Neo
        return _line(str(getattr(value, "dimensionality", getattr(value, "units", "a unit"))))
    if hasattr(value, "unit") and hasattr(value, "to"):  # astropy
        return _line(str(value.unit))
    return None
