"""A task: samples with labels by split, and how a sample becomes what a network is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart

__all__ = ["Scaled", "Task"]

Ints = NDArray[np.int64]


def unchanged(samples: NDArray[Any]) -> Any:
    """Return the samples as they are."""
    return samples


@dataclass(frozen=True, slots=True)
class Scaled:
    """An encoding: values divided by `divisor`, in single precision unless the values are in double."""

    divisor: float

    def __call__(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the values to be shown."""
        values: NDArray[Any] = samples / np.float32(self.divisor)
        return values


@dataclass(frozen=True, slots=True)
class Task:
    """Samples with labels by split, to be classified.

    Attributes
    ----------
    name : of the data set.
    n_inputs, n_classes : numbers of inputs and of classes.
    sets : samples (n, ...) and labels (n,) by split: "train", "validation", "test".
    encode : turns samples into what a network is shown: spike times, values, or sequences.
    """

    name: str
    n_inputs: int
    n_classes: int
    sets: Mapping[str, tuple[NDArray[Any], Ints]]
    encode: Callable[[NDArray[Any]], Any] = unchanged

    def size(self, split: str) -> int:
        """Return the number of samples of a split."""
        return len(self.labels(split))

    def samples(self, split: str) -> NDArray[Any]:
        """Return the samples of a split, shape (n, ...)."""
        return self._set(split)[0]

    def labels(self, split: str) -> Ints:
        """Return the labels of a split, shape (n,)."""
        return self._set(split)[1]

    def _set(self, split: str) -> tuple[NDArray[Any], Ints]:
        if split not in self.sets:
            raise UnknownPart(
                f"{self.name!r} has no split {split!r}; known: {', '.join(self.sets) or 'none'}"
            )
        return self.sets[split]

    def shown(self, split: str, chosen: Any) -> Any:
        """Return chosen samples of a split as a network is shown them."""
        return self.encode(self.samples(split)[chosen])
