"""Which samples a batch holds: a function of its number alone, so that training can go on from any batch."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.parameters import whole_number

__all__ = ["Batch", "Batches", "Order", "Streams", "balanced", "seeded", "shuffled"]

Ints = NDArray[np.int64]
Order = Callable[[int], Ints]  # of an epoch, counted from 0; the samples are along the last axis
Streams = Callable[..., Generator]  # the stream of random numbers for a purpose, called with its names


class Batch(NamedTuple):
    """A batch of training samples.

    Attributes
    ----------
    number : counted from the first batch of the first epoch.
    epoch, place : epoch, and number within it; both are counted from 0.
    samples : indices of the samples; along the last axis, if several networks have orders of their own.
    """

    number: int
    epoch: int
    place: int
    samples: Ints


def seeded(seed: int) -> Streams:
    """Return the streams of random numbers of a seed; each depends on the seed and on its names alone."""
    return partial(streams.stream, seed)


def shuffled(n_samples: int, rng: Streams | None = None) -> Order:
    """Return a new random order for each epoch; of seed 0 unless streams are given."""
    return partial(_shuffled, n_samples, rng or seeded(0))


def _shuffled(n_samples: int, rng: Streams, epoch: int) -> Ints:
    permuted: Ints = rng("shuffle", epoch).permutation(n_samples)
    return permuted


def balanced(labels: Ints, rng: Streams | None = None) -> Order:
    """Return random orders in which each class is spread evenly, so that all batches hold as many of each."""
    return partial(_balanced, labels, rng or seeded(0))


def _balanced(labels: Ints, rng: Streams, epoch: int) -> Ints:
    stream, place = rng("shuffle", epoch), np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (stream.permutation(len(members)) + stream.uniform()) / len(members)
    return np.argsort(place)


def _as_they_stand(n_samples: int, epoch: int) -> Ints:
    return np.arange(n_samples)


class Batches:
    """The batches of all epochs; ``len`` is their number in one epoch.

    Parameters
    ----------
    n_samples : int
        Training samples.
    size : int
        Samples of a batch.
    order : callable, optional
        Returns the order of the samples in an epoch, such as `shuffled`; as they stand unless given.
    rest : {"keep", "drop", "even"}
        What becomes of the samples that are left after whole batches: a smaller batch; nothing in this epoch;
        or all batches get equal sizes, but for one sample, and none is larger than `size`.

    Raises
    ------
    ValueError
        If a number is below 1, or there is no whole batch where the rest is dropped.
    """

    def __init__(
        self,
        n_samples: int,
        size: int,
        order: Order | None = None,
        *,
        rest: Literal["keep", "drop", "even"] = "keep",
    ) -> None:
        n_samples, size = (
            whole_number(n_samples, "n_samples of batches", 1),
            whole_number(size, "size of batches", 1),
        )
        if rest == "drop" and size > n_samples:
            raise ValueError(f"batches of {size} need as many training samples, got {n_samples}")
        self.n_samples, self.size, self.rest = n_samples, size, rest
        self.order: Order = order or partial(_as_they_stand, n_samples)
        whole, left = divmod(n_samples, size)
        n = whole + (left > 0 and rest != "drop")
        if rest == "even":
            self._borders = np.linspace(0, n_samples, n + 1).astype(int).tolist()
        else:
            self._borders = [min(k * size, n_samples) for k in range(n + 1)]
        self._n = n
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, number: int) -> Batch:
        """Return a batch, counted from the first of the first epoch."""
        epoch, place = divmod(number, self._n)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.order(epoch)
        low, high = self._borders[place], self._borders[place + 1]
        return Batch(number, epoch, place, self._order[..., low:high])
