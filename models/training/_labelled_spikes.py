"""Samples and labels as a user gives them to a classifier, checked and put into arrays.

A sample is a row of first spikes, `inf` for none, or a pair (times, units). Labels may be of any hashable
sort; inside they are the indices of `classes`.
"""

from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Spikes

__all__ = ["checked_samples", "found_classes", "indices_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pairs = list[tuple[Floats, Ints]]

EXPECTED = (
    "expected an array (n_samples, n_inputs) of first spikes, inf for none, or a list of (times, units)"
)


def checked_samples(given: Any, n_inputs: int | None) -> tuple[Floats | Pairs, int]:
    """Return samples as first spikes (n_samples, n_inputs) or, where a unit spikes more often, as pairs.

    Parameters
    ----------
    given : array_like, or sequence of (times, units) or Spikes
    n_inputs : int or None
        How many inputs there must be; None to find out.

    Returns
    -------
    samples : ndarray, or list of (times, units)
    n_inputs : int

    Raises
    ------
    ValueError, TypeError
        If a time is nan or negative, a unit does not exist, shapes do not fit, or nothing is there.
    """
    if _are_pairs(given):
        return _pairs(given, n_inputs)
    try:
        times = np.asarray(given, np.float64)
    except (ValueError, TypeError):
        raise ValueError(f"times are no numbers in rows of equal length; {EXPECTED}") from None
    if times.ndim != 2:
        raise ValueError(f"times have shape {times.shape}; {EXPECTED}")
    if times.size == 0:
        raise ValueError(f"times hold nothing, their shape is {times.shape}; {EXPECTED}")
    if n_inputs not in (None, times.shape[1]):
        raise ValueError(f"times have {times.shape[1]} inputs, the classifier was trained with {n_inputs}")
    right = times >= 0
    if not right.all():  # nan fails too
        sample, unit = (int(k) for k in np.argwhere(~right)[0])
        raise ValueError(
            f"times must be at least 0, inf for no spike, got {float(times[sample, unit])!r} "
            f"in sample {sample}, input {unit}"
        )
    return times, times.shape[1]


def _are_pairs(given: Any) -> bool:
    if isinstance(given, np.ndarray) or not isinstance(given, Sequence) or len(given) == 0:
        return False
    return all(
        isinstance(one, Spikes) or (isinstance(one, Sequence) and len(one) == 2 and np.ndim(one[0]) == 1)
        for one in given
    )


def _pairs(given: Sequence[Any], n_inputs: int | None) -> tuple[Floats | Pairs, int]:
    pairs: Pairs = []
    for sample, one in enumerate(given):
        times, units = (one.times, one.units) if isinstance(one, Spikes) else one
        t, u = np.asarray(times, np.float64), np.asarray(units)
        if t.shape != u.shape or t.ndim != 1:
            raise ValueError(
                f"sample {sample} has {t.size} times but {u.size} units; a sample is (times, units)"
            )
        if u.size and u.dtype.kind not in "iu":
            raise TypeError(f"units must be whole numbers, sample {sample} has {u.dtype}")
        if not (t >= 0).all():
            bad = float(t[~(t >= 0)][0])
            raise ValueError(f"times must be at least 0, inf for no spike, got {bad!r} in sample {sample}")
        u = u.astype(np.int64)
        if u.min(initial=0) < 0 or (n_inputs is not None and u.max(initial=0) >= n_inputs):
            wrong = int(u[(u < 0) | (u >= (n_inputs or np.inf))][0])
            last = "" if n_inputs is None else f" to {n_inputs - 1}"
            raise ValueError(f"units must lie in 0{last}, got {wrong} in sample {sample}")
        pairs.append((t[t < np.inf], u[t < np.inf]))
    n = n_inputs or 1 + max(int(u.max(initial=-1)) for _, u in pairs)
    if n == 0:
        raise ValueError("no input spikes in any sample")
    if any(len(np.unique(u)) < len(u) for _, u in pairs):
        return pairs, n
    first = np.full((len(pairs), n), np.inf)
    for row, (t, u) in zip(first, pairs, strict=True):
        row[u] = t
    return first, n


def found_classes(labels: Any, n_samples: int) -> NDArray[Any]:
    """Return the classes that occur, sorted where they can be, else in the order in which they occur.

    Raises
    ------
    ValueError, TypeError
        If there is not one hashable label for each sample.
    """
    listed = _listed(labels, n_samples)
    classes: list[Any] = list(dict.fromkeys(listed))
    with suppress(TypeError):
        classes.sort()
    return as_classes(classes)


def as_classes(classes: Sequence[Any]) -> NDArray[Any]:
    """Return classes as a flat array: of numbers or strings if they are such, else of objects."""
    if len({type(one) for one in classes}) == 1 and isinstance(classes[0], bool | int | float | str):
        return np.array(classes)
    array = np.empty(len(classes), object)
    for k, one in enumerate(classes):  # a tuple is one class, not a row of them
        array[k] = one
    return array


def indices_of(labels: Any, classes: NDArray[Any], n_samples: int, others: int | None = None) -> Ints:
    """Return the index of each label among the classes; `others` for a label that is none of them.

    Raises
    ------
    ValueError, TypeError
        If there is not one label for each sample, or, without `others`, one is none of the classes.
    """
    places = {one: k for k, one in enumerate(classes.tolist())}
    found = np.empty(n_samples, np.int64)
    for sample, label in enumerate(_listed(labels, n_samples)):
        place = places.get(label, others)
        if place is None:
            raise ValueError(
                f"label {label!r} of sample {sample} is none of the classes "
                f"{', '.join(map(repr, list(places)[:20]))}"
            )
        found[sample] = place
    return found


def _listed(labels: Any, n_samples: int) -> list[Hashable]:
    shape = labels.shape if hasattr(labels, "shape") else (len(labels),)
    if len(shape) != 1:
        raise ValueError(f"labels have shape {shape}, expected one class for each of {n_samples} samples")
    if shape[0] != n_samples:
        raise ValueError(f"labels are {shape[0]}, expected one for each of {n_samples} samples")
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    for sample, label in enumerate(listed):
        if isinstance(label, np.generic):
            listed[sample] = label = label.item()
        if label is None or label != label:
            raise ValueError(f"labels must be classes, got {label!r} in sample {sample}")
        if not isinstance(label, Hashable):
            raise TypeError(
                f"labels must be numbers, strings or other hashable things, got {label!r} in sample {sample}"
            )
    return listed
