"""Checks of values before they are written into a file."""

import math
import os
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.tree import STRING
from eventsim.io.plain import plain_array
from eventsim.spike_trains import spike_times


def node_ids(units: ArrayLike) -> NDArray[np.uint64]:
    """Return units as the file has them, without a copy where they are int64."""
    array = plain_array(units, "units")
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"units must be integers, got dtype {array.dtype}")
    if array.dtype != schema.NODE_ID:
        array = np.ascontiguousarray(array, np.int64).view(schema.NODE_ID)
    return np.ascontiguousarray(array)


def spike_times_of(times: ArrayLike, name: str, time_unit: str) -> NDArray[np.float64]:
    """Return times of spikes as float64, converted where they have a unit; without a copy if they are that.

    Raises
    ------
    ValueError, TypeError
        If they are no real numbers, or masked in part.
    """
    if type(times) is np.ndarray and times.dtype == schema.TIME:
        return np.ascontiguousarray(times)
    return spike_times(times, name, time_unit)


def real_numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return values as float64.

    Raises
    ------
    ValueError, TypeError
        If they are no real numbers, or masked in part.
    """
    return np.ascontiguousarray(plain_array(values, what, "biuf"), np.float64)


def check_times(times: NDArray[np.float64], last: float, what: str) -> None:
    """Refuse times that are not sorted, also against the last one before, or not finite."""
    if times[0] >= last and times[-1] < math.inf and times[0] > -math.inf and (times[1:] >= times[:-1]).all():
        return
    if not np.isfinite(times).all():
        raise ValueError(f"{what} must have finite times, got {times[~np.isfinite(times)][0]}")
    k = 0 if not times[0] >= last else int(np.argmax(times[1:] < times[:-1])) + 1
    raise ValueError(f"{what} must come in order of time, got {times[k]} after {times[k - 1] if k else last}")


def attribute(key: str, value: object) -> tuple[Any, Any]:
    """Return a provenance entry as value and dtype of an attribute."""
    if value is None:
        return h5py.Empty("f8"), None
    if isinstance(value, str | os.PathLike):
        return os.fspath(value), STRING
    if isinstance(value, bool | float | np.bool_ | np.number):
        return value, None
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value, None
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return array.astype(object), STRING
    if array.dtype.kind in "biuf":
        return array, None
    raise TypeError(f"provenance {key!r} must be a number, a string or a list of these, got {value!r}")
