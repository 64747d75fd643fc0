"""Checks of states before they are put back: a state may come from a file that somebody changed.

Every part with a state has a method ``check_state(state, time, crossings)``, which returns the state as
arrays and numbers of its own, or raises; it changes nothing. Engine and schedules ask all parts before the
first is put back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "FINITE",
    "LATEST",
    "check_entries",
    "not_after",
    "state_array",
    "state_arrays",
    "state_group",
    "state_number",
    "state_part",
    "state_times",
]

FINITE = (-float(np.finfo(float).max), np.inf)  # low <= value < high for all that is neither inf nor nan
LATEST = 1 << 62  # bound of counters


def not_after(time: float | None) -> float:
    """Return the upper bound, itself not permitted, of times that are not after `time`; inf for None."""
    return np.inf if time is None else float(np.nextafter(time, np.inf))


def check_entries(state: Any, names: Iterable[str], of: str, made_by: str = "state") -> None:
    """Raise ValueError unless a state is a mapping that has all of `names`.

    `of` is what the message calls whose state it is, `made_by` the method that returns such states.
    """
    got = f"{state!r:.60}"
    if isinstance(state, Mapping):
        missing = [name for name in names if name not in state]
        if not missing:
            return
        got = f"a dictionary without {missing[0]!r}"
    raise ValueError(f"a state of {of} is what {made_by}() returned, got {got}")


def state_group(state: Any, of: str) -> Mapping[str, Any]:
    """Return a state; raises ValueError if it is no mapping, such as None where a part has no state."""
    if not isinstance(state, Mapping):
        raise ValueError(f"the state of {of} is missing")
    return state


def state_part(state: Any, name: str, of: str = "") -> Mapping[str, Any]:
    """Return the part `name` of a state.

    Raises
    ------
    ValueError
        If it is missing, or is no mapping.
    """
    part = state.get(name) if isinstance(state, Mapping) else None
    if not isinstance(part, Mapping):
        whose = f" of {of}" if of else ""
        raise ValueError(f"{name!r} in the state{whose} must be a group, got {part!r:.60}")
    return part


def state_number(
    state: Mapping[str, Any],
    name: str,
    dtype: DTypeLike,
    low: float | None = None,
    high: float | None = None,
    *,
    of: str = "",
) -> Any:
    """Return a number of a state, an int or a float as `dtype` says, checked as `state_array` does."""
    return state_array(state, name, dtype, (), low, high, of=of).item()


def state_arrays(
    state: Mapping[str, Any],
    like: Mapping[str, NDArray[Any]],
    bounds: Mapping[str, tuple[ArrayLike | None, ArrayLike | None]],
    *,
    of: str = "",
) -> dict[str, NDArray[Any]]:
    """Return copies of several arrays of a state, each with dtype and shape of its namesake in `like`.

    `bounds` holds (low, high) by name; what is not named only must not be nan.
    """
    return {
        name: state_array(state, name, array.dtype, array.shape, *bounds.get(name, (None, None)), of=of)
        for name, array in like.items()
    }


def state_times(
    state: Mapping[str, Any], name: str, shape: tuple[int, ...], crossings: ArrayLike | None, *, of: str = ""
) -> NDArray[np.float64]:
    """Return predicted times of a state; they must be those that the engine waits for, if it does."""
    times = state_array(state, name, np.float64, shape, of=of)
    if crossings is not None and not np.array_equal(times, crossings):
        raise ValueError(f"{name!r} in the state of {of} differs from the crossings that are predicted")
    return times


def state_array(
    state: Mapping[str, Any],
    name: str,
    dtype: DTypeLike,
    shape: tuple[int, ...] | None = None,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    of: str = "",
    nan: bool = False,
) -> NDArray[Any]:
    """Return an array of a state as a copy, checked.

    Parameters
    ----------
    state : mapping of str to array
    name : str
        Of the array.
    dtype : dtype
        What it is converted to, if that changes no value.
    shape : tuple of int, optional
        What its shape must be; one dimension of any length unless given.
    low, high : array_like, optional
        Bounds of its values: low <= value < high.
    of : str
        What the message calls whose state it is.
    nan : bool
        Whether it may hold nan.

    Raises
    ------
    ValueError
        If it is missing, has another shape, a value does not fit into `dtype` or is out of bounds.
    """
    what = f"{name!r} in the state of {of}" if of else f"{name!r} in the state"
    if not isinstance(state, Mapping) or name not in state:
        raise ValueError(f"{what} is missing")
    try:
        given = np.asarray(state[name])
    except ValueError:  # rows of several lengths
        raise ValueError(f"{what} must be an array of numbers") from None
    if given.dtype.kind not in "fiub":
        raise ValueError(f"{what} must hold numbers, got {given.dtype}")
    if given.shape != shape if shape is not None else given.ndim != 1:
        expected = "one dimension" if shape is None else f"shape {shape}"
        raise ValueError(f"{what} has shape {given.shape}, expected {expected}")
    wrong = np.zeros(given.shape, bool) if nan and np.dtype(dtype).kind == "f" else given != given
    # A Python float would become a float32 first: the largest float64 an infinity, which bounds nothing.
    exact = np.float64 if given.dtype.kind == "f" else None
    if low is not None:
        wrong |= given < np.asarray(low, exact)
    if high is not None:
        wrong |= given >= np.asarray(high, exact)
    if wrong.any():
        value = given[wrong].flat[0].item()
        raise ValueError(f"{what} holds {value!r}, which no state of this network can have")
    return _converted(given, np.dtype(dtype), what)


def _converted(given: NDArray[Any], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Return a copy in another dtype; raises ValueError if that changes a value, or if digits are lost."""
    if given.dtype == dtype:
        return given.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        found = given.astype(dtype)
        same = (found.astype(given.dtype) == given) | (given != given)
    if given.dtype.kind == dtype.kind == "f" and given.dtype.itemsize < dtype.itemsize and given.size:
        same = np.zeros(given.shape, bool)  # it was rounded on its way
    if not same.all():
        value = given[~same].flat[0].item()
        raise ValueError(f"{what} is {given.dtype} and does not fit into {dtype}: {value!r}")
    return found
