"""Scores of predictions and of repeated runs: accuracy, confusion, spread.

A score of nothing is nan, never a number.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.plain import plain_array
from eventsim.trace import Ints


@hinting
def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Return the fraction of predictions that are right; nan when there are none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    predicted, labels = plain_array(predicted, "predictions"), plain_array(labels, "labels")
    if predicted.shape != labels.shape:
        raise ValueError(f"predictions {predicted.shape} and labels {labels.shape} must have the same shape")
    return float(np.mean(predicted == labels)) if labels.size else float("nan")


@hinting
def confusion(predicted: ArrayLike, labels: ArrayLike, n_classes: int) -> Ints:
    """Return how often a class (row) was predicted as a class (column); predictions below 0 count nowhere."""
    predicted = plain_array(predicted, "predictions", "iu")
    labels = plain_array(labels, "labels", "iu")
    valid = predicted >= 0
    flat = np.bincount(labels[valid] * n_classes + predicted[valid], minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


@hinting
def predicted_class(first: ArrayLike) -> Ints:
    """Return the unit that spikes first, for each row of first spike times; -1 where all are silent."""
    first = plain_array(first, "first spike times", "iuf").astype(np.float64)
    return np.where(np.isfinite(first).any(axis=-1), first.argmin(axis=-1), -1).astype(np.int64)


def first_where(values: ArrayLike, holds: ArrayLike) -> float:
    """Return the first of the values at which a condition holds; nan if it never does.

    >>> first_where([3, 4, 5], [False, True, True]), first_where([3, 4, 5], [False, False, False])
    (4.0, nan)
    """
    held = np.flatnonzero(holds)
    return float(np.asarray(values)[held[0]]) if held.size else math.nan


def rms(values: ArrayLike) -> float:
    """Return the root of the mean square of all values; nan when there are none.

    >>> rms([3.0, -4.0]), rms([])
    (3.5355339059327378, nan)
    """
    array = plain_array(values, "values", "biuf").astype(np.float64)
    return float(np.sqrt(np.mean(array**2))) if array.size else math.nan


def spread(values: ArrayLike) -> float:
    """Return the standard deviation of a sample, over n - 1; nan for fewer than two values.

    >>> spread([1.0, 3.0]), spread([1.0])
    (1.4142135623730951, nan)
    """
    array = plain_array(values, "values", "biuf").astype(np.float64)
    return float(array.std(ddof=1)) if array.size > 1 else math.nan
