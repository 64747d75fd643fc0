"""Samples and labels as a user gives them to a classifier, checked and put into arrays.

`eventsim.spike_trains` describes the forms of samples. Labels may be of any hashable
sort; inside they are the indices of `classes`.
"""

from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.plain import shown
from eventsim.spike_trains import SpikeTrains

__all__ = ["checked_samples", "classes_of", "indices_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pairs = list[tuple[Floats, Ints]]


def checked_samples(
    samples: Any, n_inputs: int | None, *, negative: bool = False
) -> tuple[Floats | Pairs, int]:
    """Return samples as first spikes (n_samples, n_inputs) or, where a unit spikes more often, as pairs.

    Parameters
    ----------
    samples : array_like, SpikeTrains, or sequence
        As `eventsim.spike_trains` describes them.
    n_inputs : int or None
        How many inputs there must be; None to find out.
    negative : bool
        Whether times may be negative, for a caller who moves them.

    Returns
    -------
    samples : ndarray, or list of (times, units)
    n_inputs : int

    Raises
    ------
    ValueError, TypeError
        If a time is nan or negative, a unit does not exist, shapes do not fit, or there are no samples.
    """
    trains = SpikeTrains.of(samples, n_inputs, "times", negative=negative)
    if len(trains) == 0:
        raise ValueError("times hold no samples")
    if trains.n == 0:
        raise ValueError("no input spikes in any sample")
    first = trains.only_spikes()
    return [(each.times, each.units) for each in trains] if first is None else first, trains.n


def classes_of(labels: Any, n_samples: int) -> NDArray[Any]:
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
    index = np.empty(n_samples, np.int64)
    for sample, label in enumerate(_listed(labels, n_samples)):
        place = places.get(label, others)
        if place is None:
            raise ValueError(
                f"label {label!r} of sample {sample} is none of the classes "
                f"{', '.join(map(repr, list(places)[:20]))}"
            )
        index[sample] = place
    return index


def _listed(labels: Any, n_samples: int) -> list[Hashable]:
    if isinstance(labels, str) or not (hasattr(labels, "shape") or hasattr(labels, "__len__")):
        raise TypeError(f"labels must be a list or an array, one class for each sample, got {shown(labels)}")
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
