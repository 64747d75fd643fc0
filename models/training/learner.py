"""What a `Trainer` drives: a learner, which reports what each batch adds to the metrics of an epoch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from eventsim.models.training.batches import Batch
from eventsim.states import check_entries

__all__ = ["BatchMetrics", "EpochMetrics", "Learner", "State"]

State = dict[str, Any]  # nested dictionaries of arrays, numbers and strings


class BatchMetrics(NamedTuple):
    """What a batch adds to the metrics of its epoch.

    Attributes
    ----------
    n_samples : size of the batch.
    sums : sums over its samples, by metric; the metric of an epoch is the mean over all samples.
    counts : numbers by metric that are added up over the batches of an epoch.
    left_out : samples that a sum leaves out, by metric; 0 for metrics that are not named.
    """

    n_samples: int
    sums: Mapping[str, Any] = MappingProxyType({})
    counts: Mapping[str, int] = MappingProxyType({})
    left_out: Mapping[str, int] = MappingProxyType({})

    def __reduce__(self) -> Any:  # the read-only defaults know no pickles
        return type(self), (self.n_samples, dict(self.sums), dict(self.counts))

    def means(self) -> dict[str, Any]:
        """Return the metrics of the batch alone; NaN for those that count no sample of it."""
        return _means(self.sums, self.left_out, self.n_samples) | dict(self.counts)


class Learner(Protocol):
    """Something that learns from batches of training samples.

    It knows its data; a `Batch` names the samples. Its state holds all that later steps depend on.
    """

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from a batch."""

    def evaluate(self, epoch: int) -> Mapping[str, Any]:
        """Return metrics at the end of an epoch, such as the accuracy on held-out samples."""

    def scale_learning_rates(self, factor: float) -> None:
        """Set all learning rates to `factor` times their first values."""

    def state(self) -> State:
        """Return what later steps depend on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


@dataclass(slots=True)
class EpochMetrics:
    """What the batches of an epoch add up to so far.

    Attributes
    ----------
    n_samples : samples so far.
    sums : sums over them, by metric.
    counts : numbers that are added up, by metric.
    n_left_out : samples that a sum has left out, by metric; 0 for metrics that are not named.
    """

    n_samples: int = 0
    sums: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    n_left_out: dict[str, int] = field(default_factory=dict)

    def add(self, batch: BatchMetrics) -> None:
        """Count a batch."""
        self.n_samples += batch.n_samples
        for name, value in batch.sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        for totals, found in ((self.counts, batch.counts), (self.n_left_out, batch.left_out)):
            for name, count in found.items():
                totals[name] = totals.get(name, 0) + count

    def metrics(self) -> dict[str, Any]:
        """Return the means over the samples, NaN for metrics that count none of them, and the counts."""
        return _means(self.sums, self.n_left_out, self.n_samples) | self.counts

    def state(self) -> State:
        """Return all sums."""
        return {
            "n_samples": self.n_samples,
            "sums": dict(self.sums),
            "counts": dict(self.counts),
            "n_left_out": dict(self.n_left_out),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "EpochMetrics":
        """Return what `state` was returned by; raises ValueError if it is no such state."""
        check_entries(state, ("n_samples",), "the metrics of an epoch")
        sums, counts, n_left_out = (dict(state.get(key, {})) for key in ("sums", "counts", "n_left_out"))
        return cls(int(state["n_samples"]), sums, counts, {name: int(n) for name, n in n_left_out.items()})


def _means(sums: Mapping[str, Any], left_out: Mapping[str, int], n_samples: int) -> dict[str, Any]:
    """Return sums over the number of samples that each counts, NaN where that is none."""
    means: dict[str, Any] = {}
    for name, total in sums.items():
        n = n_samples - left_out.get(name, 0)
        means[name] = total / n if n else math.nan
    return means
