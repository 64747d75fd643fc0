"""The protocol of the Mackey-Glass task, and the constants that every forecast is held against.

Training: points 0 to 749 with the next point as target; test: the next 750 targets, forecast from the true
value of the first step and then from forecasts alone. Repetition r begins half a Lyapunov time later than r
- 1. The state at the start of the test is that after the training half.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsim.io.neurobench import Workload, evaluate

if TYPE_CHECKING:
    from eventsim.io.neurobench import Results

__all__ = ["HALF", "WASHED", "Constant", "Forecaster", "Split", "score"]

HALF = 750  # points of the training half, and of the test
WASHED = 45  # first points that no model is fitted to: 0.6 Lyapunov times
SHIFT = 37.5  # points between two repetitions

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Split:
    """One repetition of a series.

    Attributes
    ----------
    inputs, targets : ndarray, shape (1500,)
        Points and the points after them; the first 750 are for training.
    """

    inputs: Floats
    targets: Floats

    @classmethod
    def of(cls, series: Floats, repetition: int) -> "Split":
        """Return a repetition of a series, counted from 0."""
        first = int(SHIFT * repetition)
        points = series[first : first + 2 * HALF + 1]
        if len(points) < 2 * HALF + 1:
            raise ValueError(
                f"repetition {repetition} needs {first + 2 * HALF + 1} points, the series has {len(series)}"
            )
        return cls(points[:-1], points[1:])


class Forecaster(Protocol):
    """A model that forecasts; `eventsim.io.neurobench.Model` says what else it tells."""

    @property
    def parameters(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def buffers(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def connections(self) -> Mapping[str, Any]: ...  # noqa: D102

    def fit(self, split: Split) -> None:
        """Learn from the training half."""

    def infer(self, samples: Any, workload: Workload) -> Any:
        """Return the forecasts of the test half, shape (750,), from the input of its first step."""


class Constant:
    """Predicts one number for ever: the mean of the training targets, or the last of them."""

    def __init__(self, which: str) -> None:
        self.which, self.value = which, 0.0
        self.parameters = {"value": np.zeros(1)}
        self.buffers: dict[str, Any] = {}
        self.connections: dict[str, Any] = {}

    def fit(self, split: Split) -> None:
        """Take the number over."""
        targets = split.targets[:HALF]
        self.value = float(targets.mean() if self.which == "mean" else targets[-1])
        self.parameters["value"][0] = self.value

    def infer(self, samples: Any, workload: Workload) -> Floats:
        """Return the number 750 times."""
        return np.full(HALF, self.value)


def score(model: Forecaster, split: Split) -> "Results":
    """Return the metrics of a fitted model on the test half; each step is a sample."""
    batch = split.inputs[HALF : HALF + 1], split.targets[HALF:]
    with np.errstate(over="ignore", invalid="ignore"):  # a forecast may diverge; its score is bounded
        return evaluate(model, [batch], ("SMAPE", "MSE"))
