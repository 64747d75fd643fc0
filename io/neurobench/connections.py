"""Connections as NeuroBench counts them: weights, and the operations that an input causes.

An operation is a product of a weight and an input that are both not zero; with all weights and inputs set to
1 it is a dense one. The operations of a linear map are

    effective = sum_i  #{samples: x_i != 0}  #{j: w_ij != 0}        dense = samples n_in n_out

Biases are never counted. A projection counts as the full matrix from one population to the other, whose
absent synapses are zeros, as in a dense map with pruned weights.

Yik et al. 2025, The NeuroBench framework; definitions of its package, version 2.3.0.
"""

from abc import ABC, abstractmethod
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.neurobench.counts import NonZero

__all__ = ["Connection", "Convolution", "Dense", "Synapses"]

Ints = NDArray[np.int64]


class Connection(ABC):
    """A map with weights from one layer to the next.

    Attributes
    ----------
    n_weights, n_zero : weights that count for the sparsity of connections, and those of them that are 0.
    features : shape of one sample of the input; of an image the channels only.
    """

    n_weights: int
    n_zero: int
    features: tuple[int, ...]

    @abstractmethod
    def effective(self, x: NonZero) -> Ints:
        """Return the operations of each call, over all its samples, shape (calls,)."""

    @abstractmethod
    def dense(self, features: tuple[int, ...]) -> int:
        """Return the operations of one sample of this shape in one call if nothing were zero."""

    def check(self, x: NonZero, name: str) -> None:
        """Raise ValueError if an input does not fit."""
        if x.counts.shape[1:] != self.features:
            raise ValueError(
                f"connection {name!r} takes inputs of shape {self.features} a sample, "
                f"the model reports {x.counts.shape[1:]}"
            )


class Dense(Connection):
    """A linear map.

    Parameters
    ----------
    weight : array_like, shape (n_in, n_out)
    """

    def __init__(self, weight: ArrayLike) -> None:
        array = self.weight = _weights(weight, "(n_in, n_out)", 2)
        self.features = (array.shape[0],)
        self.n_out = int(array.shape[1])
        self.fan_out = np.count_nonzero(array, axis=1)
        self.n_weights, self.n_zero = array.size, array.size - int(self.fan_out.sum())

    def effective(self, x: NonZero) -> Ints:
        """Return the operations of each call; see `Connection.effective`."""
        return _weighted(x.counts, self.fan_out)

    def dense(self, features: tuple[int, ...]) -> int:
        """Return the operations of one sample in one call if nothing were zero."""
        return self.features[0] * self.n_out


class Synapses(Dense):
    """A projection that is listed synapse by synapse.

    Parameters
    ----------
    n_pre, n_post : int
        Sizes of the two populations.
    source : array_like of int, shape (n_syn,)
        Presynaptic unit of each synapse.
    weight : float or array_like, shape (n_syn,)

    Attributes
    ----------
    n_synapses : synapses of each source, zero weights included; an event reaches them all.
    """

    def __init__(self, n_pre: int, n_post: int, source: ArrayLike, weight: ArrayLike) -> None:
        sources = np.asarray(source, np.int64)
        if sources.size and (sources.min() < 0 or sources.max() >= n_pre):
            wrong = sources[(sources < 0) | (sources >= n_pre)][0]
            raise ValueError(f"sources of synapses must lie in 0 to {n_pre - 1}, got {wrong}")
        weights = np.broadcast_to(_weights(weight, "(n_syn,)"), sources.shape)
        self.features, self.n_out = (n_pre,), n_post
        self.n_synapses = np.bincount(sources, minlength=n_pre)
        self.fan_out = np.bincount(sources[weights != 0], minlength=n_pre)
        self.n_weights = n_pre * n_post
        self.n_zero = max(self.n_weights - int(self.fan_out.sum()), 0)


class Convolution(Connection):
    """A convolution over one, two or three dimensions; padding stays zero and is not counted.

    Parameters
    ----------
    weight : array_like, shape (n_out, n_in / groups, *kernel)
    stride, padding, dilation : int or tuple of int
        In each dimension; of `padding` a pair (before, after) too.
    groups : int
        Parts of the channels that see one another.
    """

    def __init__(
        self,
        weight: ArrayLike,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> None:
        array = self.weight = _weights(weight, "(n_out, n_in / groups, *kernel)")
        n = array.ndim - 2
        if n not in (1, 2, 3):
            raise ValueError(
                f"weights of a convolution are (n_out, n_in / groups, *kernel), got shape {array.shape}"
            )
        if len(array) % groups:
            raise ValueError(f"{groups} groups need a multiple of {groups} outputs, got {len(array)}")
        self.kernel, self.groups = array.shape[2:], groups
        self.stride, self.dilation = _each(stride, n), _each(dilation, n)
        self.padding = [pair if isinstance(pair, tuple) else (pair, pair) for pair in _each(padding, n)]
        # By channel that comes in: over how many outputs of its group a tap acts.
        fan_out = np.count_nonzero(array.reshape(groups, -1, *array.shape[1:]), axis=1)
        self.fan_out = fan_out.reshape(-1, *self.kernel)
        self.features = (len(self.fan_out),)
        self.n_to = len(array) // groups
        self.n_weights, self.n_zero = array.size, array.size - int(np.count_nonzero(array))

    def effective(self, x: NonZero) -> Ints:
        """Return the operations of each call; see `Connection.effective`."""
        return self._sum(x.counts, self.fan_out)

    def dense(self, features: tuple[int, ...]) -> int:
        """Return the operations of one sample of this shape in one call if nothing were zero."""
        ones = np.ones((1, *features), np.int64)
        return int(self._sum(ones, np.full_like(self.fan_out, self.n_to))[0])

    def check(self, x: NonZero, name: str) -> None:
        """Raise ValueError if an input does not fit."""
        channels, n = self.features[0], len(self.kernel)
        if x.counts.ndim != n + 2 or x.counts.shape[1] != channels:
            raise ValueError(
                f"connection {name!r} takes {channels} channels over {n} dimensions, "
                f"the model reports a sample of shape {x.counts.shape[1:]}"
            )

    def _sum(self, counts: Ints, fan_out: Ints) -> Ints:
        widths = [(0, 0), (0, 0), *self.padding]
        padded = np.pad(counts, widths)
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        sizes = [
            (have - span) // s + 1 for have, span, s in zip(padded.shape[2:], spans, self.stride, strict=True)
        ]
        total = np.zeros(len(counts), np.int64)
        for tap in product(*map(range, self.kernel)):
            place: Any = (slice(None), *tap)
            taps = [
                slice(k * d, k * d + s * (size - 1) + 1, s)
                for k, d, s, size in zip(tap, self.dilation, self.stride, sizes, strict=True)
            ]
            window: Any = (slice(None), slice(None), *taps)
            seen = padded[window].reshape(*counts.shape[:2], -1).sum(axis=2)
            total += _weighted(seen, fan_out[place])
        return total


def _each(value: Any, n: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) and len(value) == n else (value,) * n


def _weights(weight: ArrayLike, shape: str, n_dimensions: int = 0) -> NDArray[Any]:
    array = np.asarray(weight)
    if array.dtype.kind not in "fiu" or (n_dimensions and array.ndim != n_dimensions):
        raise ValueError(
            f"weights must be numbers of shape {shape}, got {array.dtype} of shape {array.shape}"
        )
    return array


def _weighted(counts: Ints, fan_out: Ints) -> Ints:
    """Return ``counts @ fan_out``, exact: in float64 by BLAS while it holds the sums, else in integers."""
    if len(counts) == 1:  # converting would take longer than the products
        return np.array([int(np.dot(counts[0].astype(np.int64, copy=False), fan_out))])
    bound = int(counts.max(initial=0)) * int(fan_out.max(initial=0)) * prod(counts.shape[1:])
    if bound < 2**53:
        return (counts.astype(np.float64) @ fan_out.astype(np.float64)).astype(np.int64)
    found: Ints = counts.astype(np.int64) @ fan_out.astype(np.int64)
    return found
