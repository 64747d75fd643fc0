"""The forms in which spikes are given: the one place that reads and checks them.

Spikes of one population, in one sample, are given as

- ``(times, units)``, a *tuple*, or a `Spikes`; units may be left out where the population has one unit;
- a *list* with the times of each unit: lists, arrays or spike trains with a unit (as Neo has them);
- an array (n_units, n_spikes), a row for each unit, `inf` for a spike that does not come.

Many samples are given as

- an array (n_samples, n_units) of first spikes, `inf` for none;
- a list with the spikes of each sample, each in one of the forms above;
- a `SpikeTrains`.

The type says which form it is, never a size. Times are numbers in the network's time unit, or carry a
unit of their own (`numpy.timedelta64`, quantities with a `rescale`), which is converted. Everything that is
given is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array, shown
from eventsim.trace import Spikes

__all__ = [
    "SECONDS",
    "Forms",
    "are_samples",
    "check_pair",
    "read_pair",
    "read_times",
    "spike_pairs",
    "spike_times",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Forms = Spikes | tuple[ArrayLike, ArrayLike] | Sequence[ArrayLike] | ArrayLike

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def spike_pairs(
    given: Forms, units: ArrayLike | None, n: int, name: str, time_unit: str | None = None
) -> tuple[Floats, Ints]:
    """Return the spikes of one population as arrays of times and units, checked and copied.

    Parameters
    ----------
    given : array_like, Spikes, tuple or list
        Times, in any order, or the spikes in one of the forms that the module describes; spikes at inf
        never happen and are left out.
    units : array_like of int, shape (k,), or None
        Unit of each time; None where `given` says it, or for a population of one unit.
    n : int
        Units of the population.
    name : str
        What messages call it.
    time_unit : {"s", "ms", "us", "ns", "1"}, optional
        What times with a unit of their own are converted to.

    Raises
    ------
    TypeError, ValueError
        If the spikes have no such form, a time is nan or -inf, or a unit does not exist.
    """
    times, numbers = read_pair(given, units, n, name, time_unit)
    check_pair(times, numbers, n, name)
    kept = times < np.inf
    return times[kept], numbers[kept]


def spike_times(times: Any, name: str, time_unit: str | None = None) -> Floats:
    """Return times as a new flat array of float64; those with a unit of their own are converted.

    Raises
    ------
    TypeError, ValueError
        If they are no real numbers, masked, or have a unit that cannot be converted.
    """
    return read_times(times, name, time_unit).reshape(-1)


def read_pair(given: Any, units: Any, n: int | None, name: str, time_unit: str | None) -> tuple[Floats, Ints]:
    """Return the spikes of one sample as times and units; those at inf stay."""
    if isinstance(given, tuple) and any(_is_train(part) for part in given):
        if units is not None or len(given) != 2:
            raise ValueError(
                f"spikes of {name!r} must be (times, units) or a list with the times of each unit, "
                f"got a tuple of {len(given)} things"
            )
        return read_pair(given[0], given[1], n, name, time_unit)
    if isinstance(given, Spikes):
        if units is not None:
            raise ValueError(f"units of {name!r} are given twice, in the spikes and beside them")
        return read_pair(given.times, given.units, n, name, time_unit)
    of_each = _of_each_unit(given)
    if of_each is not None:
        if units is not None:
            raise ValueError(
                f"units of {name!r} are given twice, in the list of times for each unit and beside it"
            )
        if n is None:
            raise ValueError(
                f"spikes of {name!r} must be (times, units), a tuple, until the number of units is known"
            )
        if len(of_each) != n:
            hint = "; (times, units) is a tuple" if len(of_each) == 2 else ""
            raise ValueError(
                f"spikes of {name!r} list the times of {len(of_each)} units, but it has {n}{hint}"
            )
        times = [spike_times(each, name, time_unit) for each in of_each]
        numbers = np.repeat(np.arange(n), [len(each) for each in times])
        return np.concatenate([np.empty(0), *times]), numbers
    t = spike_times(given, name, time_unit)
    if units is None:
        if n != 1 and t.size:
            has = f"it has {n} of them" if n is not None else "there may be several"
            raise ValueError(f"spikes of {name!r} need units, because {has}")
        units = np.zeros(t.size, np.int64)
    return t, _unit_numbers(units, t.size, name)


def _of_each_unit(given: Any) -> Sequence[Any] | None:
    """Return a list of times for each unit, or None if `given` is something else."""
    if hasattr(given, "rescale"):  # one train with a unit
        return None
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim == 2 and given.shape[0] != 1 else None
    if not isinstance(given, list) or not any(_is_train(each) for each in given):
        return None
    if not all(_is_train(each) for each in given):
        raise ValueError("a list of spikes holds times, or a list of times for each unit, not both")
    return given


def _is_train(thing: Any) -> bool:
    """Return whether something holds times, rather than being one."""
    if isinstance(thing, Spikes) or (isinstance(thing, Sequence) and not isinstance(thing, str | bytes)):
        return True
    return bool(getattr(thing, "ndim", 1 if hasattr(thing, "rescale") else 0))


def are_samples(given: Any) -> bool:
    """Return whether a list holds the spikes of each sample, rather than rows of first spikes."""
    if isinstance(given, np.ndarray) or not isinstance(given, Sequence) or hasattr(given, "rescale"):
        return False
    return any(
        isinstance(one, tuple | Spikes) or (isinstance(one, list) and any(_is_train(each) for each in one))
        for one in given
    )


def _unit_numbers(units: Any, n_times: int, name: str) -> Ints:
    """Return the unit of each spike as a new array."""
    u = plain_array(units, f"units of {name!r}")
    if u.ndim == 0:
        u = np.full(n_times, u)
    u = u.reshape(-1)
    if u.size != n_times:
        raise ValueError(f"spikes of {name!r} have {n_times} times but {u.size} units")
    if u.size and u.dtype.kind not in "iu":
        raise TypeError(f"units of {name!r} must be integers, got {u.dtype}")
    return u.astype(np.int64)


def check_pair(times: Floats, units: Ints, n: int | None, name: str) -> None:
    """Raise ValueError if a unit does not exist, or a time is nan or -inf."""
    wrong = units < 0 if n is None else (units < 0) | (units >= n)
    if wrong.any():
        known = f"0..{n - 1}" if n is not None else "0, 1, ..."
        raise ValueError(f"{name!r} has units {known}, got a spike of unit {units[wrong][0]}")
    wrong = np.isnan(times) | (times == -np.inf)
    if wrong.any():
        raise ValueError(f"spike times of {name!r} must be numbers, got {times[wrong][0]}")


def read_times(given: Any, name: str, time_unit: str | None) -> Floats:
    """Return times as a new array of float64, converted to `time_unit` where they have a unit."""
    what = f"spike times of {name!r}"
    if hasattr(given, "rescale"):
        return _rescaled(given, what, time_unit)
    if isinstance(given, list | tuple) and given and all(hasattr(each, "rescale") for each in given):
        return np.array([_rescaled(each, what, time_unit) for each in given], np.float64)
    array = plain_array(given, what)
    kind = array.dtype.kind
    if kind == "m":
        return _from_timedelta(array, what, time_unit)
    if kind == "O":
        if all(isinstance(each, int | float | np.integer | np.floating) for each in array.flat):
            return array.astype(np.float64)
        raise TypeError(f"{what} must be numbers, got {shown(next(iter(array.flat), None))}")
    if kind not in "fiu":
        raise TypeError(f"{what} must be real numbers, got {array.dtype}")
    return np.array(array, np.float64)


def _from_timedelta(array: NDArray[Any], what: str, time_unit: str | None) -> Floats:
    if time_unit not in SECONDS:
        raise TypeError(
            f"{what} have a unit, {array.dtype}, but the network's times have none to convert them to"
        )
    if np.isnat(array).any():
        raise ValueError(f"{what} must be numbers, got NaT")
    if np.datetime_data(array.dtype)[0] in ("generic", "Y", "M"):
        raise TypeError(f"{what} are {array.dtype}, which has no fixed length; give timedelta64[{time_unit}]")
    return np.asarray(array / np.array(1, f"timedelta64[{time_unit}]"), np.float64)


def _rescaled(given: Any, what: str, time_unit: str | None) -> Floats:
    """Return a quantity with a unit of its own (`rescale` and `magnitude`, as of Neo) as plain numbers."""
    if time_unit not in SECONDS:
        raise TypeError(f"{what} have a unit, but the network's times have none to convert them to")
    try:
        return np.array(given.rescale(time_unit).magnitude, np.float64)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{what} cannot be converted to {time_unit}: {error}") from None
