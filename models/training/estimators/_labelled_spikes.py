"""Samples and labels as a user gives them to a classifier, checked and put into arrays.

`eventsim.spike_trains` describes the forms of samples. Labels may be of any hashable
sort; inside they are the indices of `classes`.
"""

import sys
import warnings
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.plain import shown
from eventsim.spike_trains import SpikeTrains

__all__ = ["checked_samples", "classes_of", "indices_of", "weights_of"]

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
    _check_table(samples, negative)
    trains = SpikeTrains.of(samples, n_inputs, "times", negative=negative)
    if len(trains) == 0:
        raise ValueError("times hold no samples")
    if trains.n == 0:
        raise ValueError("no input spikes in any sample")
    first = trains.only_spikes()
    return [(each.times, each.units) for each in trains] if first is None else first, trains.n


def _check_table(samples: Any, negative: bool) -> None:
    """Refuse tables that cannot be times, in words that scikit-learn's programs look for.

    Raises
    ------
    ValueError, TypeError
    """
    dtype, shape = getattr(samples, "dtype", None), getattr(samples, "shape", None)
    sparse = type(samples).__module__.startswith("scipy.sparse")
    if sparse or not isinstance(dtype, np.dtype) or not isinstance(shape, tuple):
        return
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: spike times of 'times' must be real numbers, got {dtype}"
        )
    if len(shape) == 1 and dtype.kind in "biuf" and shape[0]:
        raise ValueError(
            f"input spikes of 'times' have shape {shape}, expected (n_samples, n_units). Reshape your data: "
            "times.reshape(1, -1) is one sample, times.reshape(-1, 1) are samples of one input"
        )
    if len(shape) != 2:
        return
    if shape[0] and not shape[1]:
        raise ValueError(
            f"times have 0 feature(s) (shape={shape}) while a minimum of 1 is required: "
            "no input spikes in any sample"
        )
    if dtype.kind == "f" and not negative:
        wrong = np.argwhere(np.asarray(samples) < 0)
        if len(wrong):
            sample, unit = (int(k) for k in wrong[0])
            raise ValueError(
                "Negative values in data: input spikes of 'times' must be at times >= 0 or inf, got "
                f"{float(samples[sample, unit])!r} in sample {sample}, unit {unit}"
            )
    if dtype.kind == "O":
        for entry in np.asarray(samples).ravel():
            if not isinstance(entry, int | float | np.number | str):
                raise TypeError(
                    "spike times of 'times' must be numbers; argument must be a string or a number, "
                    f"got {entry!r}"
                )


def weights_of(sample_weight: Any, index: Ints, classes: NDArray[Any], class_weight: Any) -> Floats | None:
    """Return what the loss of each sample is multiplied by, 1 on average; None where all count alike.

    Parameters
    ----------
    sample_weight : array_like, shape (n_samples,), or None
    index : ndarray, shape (n_samples,)
        Class of each sample.
    classes : ndarray
        All classes.
    class_weight : "balanced", mapping of classes to weights, or None
        "balanced" makes all classes count alike.

    Raises
    ------
    ValueError, TypeError
        If weights are negative, not finite, or not one for each sample, or a class does not exist.
    """
    if sample_weight is None and class_weight is None:
        return None
    weight = np.ones(len(index))
    if sample_weight is not None:
        weight = np.array(sample_weight, np.float64)
        if weight.shape != (len(index),):
            raise ValueError(
                f"sample_weight must be one number for each of {len(index)} samples, got shape {weight.shape}"
            )
        if not (np.isfinite(weight) & (weight >= 0)).all():
            wrong = weight[~(np.isfinite(weight) & (weight >= 0))][0]
            raise ValueError(f"sample_weight must be finite and at least 0, got {wrong!r}")
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight must be 'balanced', a mapping or None, got {class_weight!r}")
        sums = np.bincount(index, weight, len(classes))
        weight = weight * (weight.sum() / (len(classes) * np.maximum(sums, 1e-300)))[index]
    elif isinstance(class_weight, Mapping):
        known = classes.tolist()
        for one in class_weight:
            if one not in known:
                raise ValueError(f"class_weight names {one!r}, which is none of the classes {known}")
        factors = np.array([float(class_weight.get(one, 1.0)) for one in known])
        if not (np.isfinite(factors) & (factors >= 0)).all():
            raise ValueError(f"class_weight must be finite and at least 0, got {dict(class_weight)!r}")
        weight = weight * factors[index]
    elif class_weight is not None:
        raise TypeError(f"class_weight must be 'balanced', a mapping or None, got {shown(class_weight)}")
    if not weight.sum() > 0:
        raise ValueError("no sample counts: every sample_weight is zero")
    relative: Floats = weight * (np.count_nonzero(weight) / weight.sum())
    return relative


def classes_of(labels: Any, n_samples: int) -> NDArray[Any]:
    """Return the classes that occur, sorted where they can be, else in the order in which they occur.

    Raises
    ------
    ValueError, TypeError
        If there is not one hashable label for each sample.
    """
    listed = _listed(labels, n_samples)
    classes: list[Any] = list(dict.fromkeys(listed))
    fractions = [each for each in classes if isinstance(each, float) and not each.is_integer()]
    if fractions and len(classes) > max(2, n_samples / 2):
        raise ValueError(
            f"Unknown label type: continuous. Labels must be classes, got {len(classes)} values for "
            f"{n_samples} samples, such as {fractions[0]!r}; a regressor learns such numbers"
        )
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
    if labels is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    if hasattr(labels, "__array__") and not hasattr(labels, "__len__"):
        labels = np.asarray(labels)
    if isinstance(labels, str) or not (hasattr(labels, "shape") or hasattr(labels, "__len__")):
        raise TypeError(f"labels must be a list or an array, one class for each sample, got {shown(labels)}")
    shape: tuple[int, ...] = labels.shape if hasattr(labels, "shape") else (len(labels),)
    if len(shape) == 2 and shape[1] == 1 and hasattr(labels, "reshape"):
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples, ), for example using ravel().",
            _conversion_warning(),
            stacklevel=5,
        )
        labels, shape = labels.reshape(-1), (shape[0],)
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


def _conversion_warning() -> type[Warning]:
    """Return scikit-learn's class for data that were reshaped, if it is loaded."""
    theirs = sys.modules.get("sklearn.exceptions")
    kind: type[Warning] = UserWarning if theirs is None else theirs.DataConversionWarning
    return kind
