"""Sequences of different lengths as one padded array, the time steps along its second axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from eventsim.models.layers.layer import Array

__all__ = ["PaddedSequences", "time_first"]


class PaddedSequences:
    """Sequences, padded with zeros at their end to the longest; indexed as an array of samples.

    Parameters
    ----------
    values : ndarray, shape (n, time, channels)
    lengths : ndarray of int, shape (n,)
        Steps of each that are no padding.
    """

    __slots__ = ("lengths", "values")

    def __init__(self, values: Array, lengths: Array) -> None:
        self.values, self.lengths = values, np.asarray(lengths, np.int64)

    @classmethod
    def padded(cls, samples: Sequence[Any], dtype: DTypeLike = np.float32) -> "PaddedSequences":
        """Return sequences that are given one by one, arrays (time, channels)."""
        lengths = np.array([len(sample) for sample in samples])
        values = np.zeros((len(samples), lengths.max(), np.shape(samples[0])[1]), dtype)
        for k, sample in enumerate(samples):
            values[k, : len(sample)] = sample
        return cls(values, lengths)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: Any) -> "PaddedSequences":
        return PaddedSequences(self.values[chosen], self.lengths[chosen])


def time_first(shown: Any, dtype: DTypeLike) -> tuple[Array, Array | None]:
    """Return samples (n, time, channels) as layers read them, (time, n, channels), and their lengths."""
    lengths = None
    if isinstance(shown, PaddedSequences):
        lengths = shown.lengths
        shown = shown.values[:, : lengths.max()]
    return np.ascontiguousarray(np.moveaxis(shown, 1, 0), dtype), lengths
