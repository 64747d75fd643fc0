"""How often values are not zero: the counts of an array that all metrics of a workload stand on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.neurobench import _counts

__all__ = ["NonZero", "changes", "nonzero"]

Ints = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True)
class NonZero:
    """Counts of an array of calls, samples and values.

    Attributes
    ----------
    counts : ndarray of int32 or int64, shape (calls, *features)
        In how many samples a value is not 0.
    valued : ndarray of bool, shape (calls,)
        Whether a call holds a value other than -1, 0 and 1, in any sample.
    n_samples : samples of a call.
    pooled : whether several calls, none of them valued, count as one of all their samples.
    """

    counts: Ints
    valued: NDArray[np.bool_]
    n_samples: int
    pooled: bool = False

    @property
    def total(self) -> int:
        """How many values are not 0."""
        return int(self.counts.sum(dtype=np.int64))

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(self.counts.size) * self.n_samples


def nonzero(x: ArrayLike, what: str = "values") -> NonZero:
    """Return the counts of an array, shape (calls, samples, *features).

    Raises
    ------
    ValueError
        If the array has less than three dimensions or holds no real numbers.
    """
    array: NDArray[Any] = np.asarray(x)
    if array.dtype.kind not in "fbiu":
        raise ValueError(f"{what} must be real numbers, got dtype {array.dtype}")
    if array.ndim < 3:
        raise ValueError(
            f"{what} must have the shape (calls, samples, units), got shape {array.shape}; "
            "a model without time has one call: x[None]"
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    calls, samples, *features = array.shape
    flat = np.ascontiguousarray(array).reshape(calls, samples, -1)
    counts, valued = _counts.count_nonzero(flat)
    return NonZero(counts.reshape(calls, *features), valued, samples)


def changes(v: ArrayLike) -> int:
    """Return how many membranes, shape (calls, samples, n), differ from those of the call before."""
    array = np.asarray(v)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    return int(_counts.count_changes(np.ascontiguousarray(array).reshape(len(array), -1)))
