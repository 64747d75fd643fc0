"""Schedules: by which factor learning rates are multiplied as training goes on.

A schedule is called with the epoch, counted from 0, and returns the factor. A `Trainer` calls it before each
batch, with whole epochs or, if asked, with the fraction of the epoch that is done; `Adam` calls its own with
whole epochs.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, SupportsFloat

from eventsim.parameters import one_number
from eventsim.states import check_entries

__all__ = ["Constant", "CosineDecay", "ExponentialPath", "LinearDecay", "Plateau", "Schedule", "StepDecay"]

LEAST_PROGRESS = 1e-4  # by which a loss must fall, relative to the best one, to count as progress


class Schedule(ABC):
    """Factor of the learning rates over epochs.

    A schedule that follows a metric (`Plateau`) overrides `observe`, `state` and `restore` as well.
    """

    __slots__ = ()

    @property
    def metric(self) -> str | None:
        """Name of the metric that the factor follows, if it follows one."""
        return None

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """Return the factor after so many epochs, 0 at the start."""

    def observe(self, metrics: Mapping[str, Any]) -> None:  # noqa: B027  most schedules ignore metrics
        """Take note of the metrics of an epoch, at its end."""

    def state(self) -> dict[str, Any]:
        """Return what later factors depend on beside the epoch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027  most schedules have no state
        """Go on from what `state` returned."""


@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    """The factor is `factor` at all times."""

    factor: float = 1.0

    def __post_init__(self) -> None:
        one_number(self.factor, "factor", low=0)

    def __call__(self, epoch: float) -> float:
        """Return the factor."""
        return self.factor


@dataclass(frozen=True, slots=True)
class StepDecay(Schedule):
    """The factor is multiplied by `factor` after every `every` epochs.

    >>> [StepDecay(every=2, factor=0.5)(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int = 20
    factor: float = 0.95

    def __post_init__(self) -> None:
        _whole_epochs(self.every, "every")
        if not one_number(self.factor, "factor", low=0) > 0:
            raise ValueError(f"factor must be positive, got {self.factor!r}")

    def __call__(self, epoch: float) -> float:
        """Return the factor after so many epochs."""
        return float(self.factor ** (epoch // self.every))


@dataclass(frozen=True, slots=True)
class CosineDecay(Schedule):
    """The factor falls from 1 to 0 within `epochs`, along half a cosine.

    >>> [round(CosineDecay(epochs=4)(epoch), 3) for epoch in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    epochs: int

    def __post_init__(self) -> None:
        _whole_epochs(self.epochs, "epochs")

    def __call__(self, epoch: float) -> float:
        """Return the factor after so many epochs."""
        return 0.5 * (1.0 + math.cos(math.pi * min(epoch / self.epochs, 1.0)))


@dataclass(frozen=True, slots=True)
class LinearDecay(Schedule):
    """The factor is 1 up to epoch `start`, and falls in a straight line to 0 at `epochs`.

    >>> [LinearDecay(epochs=6, start=2)(epoch) for epoch in range(8)]
    [1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    epochs: int
    start: int = 0

    def __post_init__(self) -> None:
        _whole_epochs(self.epochs, "epochs")
        one_number(self.start, "start", low=0)
        if not self.start < self.epochs:
            raise ValueError(f"start must be before epochs={self.epochs}, got {self.start!r}")

    def __call__(self, epoch: float) -> float:
        """Return the factor after so many epochs."""
        return min(max((self.epochs - epoch) / (self.epochs - self.start), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class ExponentialPath(Schedule):
    """The factor passes through given values at given epochs, exponentially in between; outside it stays.

    >>> [round(ExponentialPath(epochs=(1, 3), factors=(1.0, 0.25))(epoch), 3) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """

    epochs: tuple[float, ...]
    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.factors) or not self.epochs:
            raise ValueError(
                f"each of the epochs needs a factor, got {len(self.epochs)} epochs and "
                f"{len(self.factors)} factors"
            )
        if any(late <= early for early, late in pairwise(self.epochs)):
            raise ValueError(f"epochs must increase, got {self.epochs!r}")
        for factor in self.factors:
            if not one_number(factor, "factor", low=0) > 0:
                raise ValueError(f"factors must be positive, got {self.factors!r}")

    def __call__(self, epoch: float) -> float:
        """Return the factor after so many epochs."""
        later = bisect_right(self.epochs, epoch)
        if later == 0 or later == len(self.epochs):
            return self.factors[later and -1]
        (start, end), (first, last) = (each[later - 1 : later + 1] for each in (self.epochs, self.factors))
        return float(first * (last / first) ** ((epoch - start) / (end - start)))


@dataclass(slots=True)
class Plateau(Schedule):
    """The factor is multiplied by `factor` when a loss has not fallen for more than `patience` epochs.

    Attributes
    ----------
    patience : epochs without progress that are accepted.
    factor : of each reduction.
    loss : name of the metric.
    scale : present factor.
    best : lowest loss so far.
    bad_epochs : epochs since the last progress or reduction.
    """

    patience: int
    factor: float = 0.5
    loss: str = "train_loss"
    scale: float = 1.0
    best: float = math.inf
    bad_epochs: int = 0

    def __post_init__(self) -> None:
        one_number(self.patience, "patience", low=0)
        if not 0 < one_number(self.factor, "factor") <= 1:
            raise ValueError(f"factor must be above 0 and at most 1, got {self.factor!r}")

    @property
    def metric(self) -> str:
        """Name of the loss among the metrics of an epoch."""
        return self.loss

    def __call__(self, epoch: float) -> float:
        """Return the present factor."""
        return self.scale

    def observe(self, metrics: Mapping[str, SupportsFloat]) -> None:
        """Compare the loss of an epoch with the best one, and lower the factor if it is time to.

        Raises
        ------
        ValueError
            If the metrics do not hold the loss.
        """
        if self.loss not in metrics:
            raise ValueError(f"no metric is named {self.loss!r}; an epoch has: {', '.join(metrics)}")
        loss = float(metrics[self.loss])
        if loss < self.best * (1 - LEAST_PROGRESS):
            self.best, self.bad_epochs = loss, 0
        else:
            self.bad_epochs += 1
        if self.bad_epochs > self.patience:
            self.scale, self.bad_epochs = self.scale * self.factor, 0

    def state(self) -> dict[str, Any]:
        """Return factor, best loss and number of epochs without progress."""
        return {"scale": self.scale, "best": self.best, "bad_epochs": self.bad_epochs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("scale", "best", "bad_epochs"), "a schedule")
        self.scale, self.best = float(state["scale"]), float(state["best"])
        self.bad_epochs = int(state["bad_epochs"])


def _whole_epochs(value: Any, name: str) -> None:
    if not one_number(value, name, low=1) == int(value):
        raise ValueError(f"{name} must be a whole number of epochs, got {value!r}")
