"""Bounds of activity: neurons of a network that learns from spike times are kept neither silent nor too busy.

The number of spikes has no derivative in a parameter: it is constant until it jumps. But a neuron spikes more
if its membrane comes higher. So a neuron with too many spikes has its membrane pulled down at each of them,
and one with too few pulled up, as if the loss held (mean count - bound)^2 / 2 and each spike of a neuron
counted like a rise of its membrane (Nowotny et al. 2025). A neuron without any spike has no membrane at a
spike to pull; there the weights are raised directly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import UnknownPart
from eventsim.models.gradients.forward_pass import ForwardPass
from eventsim.models.training.optimisers import Optimiser
from eventsim.models.training.spike_learner import SpikeLearner, Step
from eventsim.network import Network
from eventsim.parameters import one_number

__all__ = ["ActiveLearner", "Activity"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Activity:
    """Bounds of the number of spikes of a neuron.

    Attributes
    ----------
    least, most : spikes a sample, in the mean over a batch; between them nothing is done.
    pull : dL/dv at a spike, for each spike too many; a loss of one unit a sample is of order 1.
    bump : added to the weights into neurons without a spike in the whole batch, after each step.
    """

    least: float
    most: float
    pull: float = 0.01
    bump: float = 0.0

    def __post_init__(self) -> None:
        for name in ("least", "most", "pull", "bump"):
            one_number(getattr(self, name), name, low=0)
        if self.least > self.most:
            raise ValueError(f"least must not be above most, got {self.least!r} and {self.most!r}")

    def errors(self, run: ForwardPass, population: str) -> list[Floats]:
        """Return for each sample dL/dT of each spike; where a membrane only grazes threshold, 0."""
        mean = run.counts(population).mean(axis=0)
        pull = self.pull * (mean - mean.clip(self.least, self.most))
        errors = []
        for sample in range(len(run)):
            inverse = run.slope_inverses(population, sample)
            units = run.spikes(population, sample).units
            regular = (inverse > 0) & np.isfinite(inverse)
            errors.append(np.where(regular, -pull[units] / np.where(regular, inverse, 1.0), 0.0))
        return errors


class ActiveLearner(SpikeLearner):
    """A `SpikeLearner` that keeps the activity of populations within bounds.

    Parameters
    ----------
    net, output, loss, **options
        As of `SpikeLearner`.
    activity : mapping of str to Activity
        Bounds by population.
    """

    def __init__(self, net: Network, output: str, loss: Any = None, *, activity: Mapping[str, Activity],
                 **options: Any) -> None:  # fmt: skip
        super().__init__(net, output, loss, **options)
        for name in activity:
            if name not in self._neurons or name == output:
                raise UnknownPart(f"no inner population of spiking neurons is named {name!r}")
        self.activity = dict(activity)
        self._silent: dict[str, NDArray[np.bool_]] = {}

    def step(
        self,
        inputs: Mapping[str, Any],
        labels: Any,
        optimiser: Optimiser,
        rng: np.random.Generator | None = None,
        times: Mapping[str, ArrayLike] | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
        sample_weight: Floats | None = None,
    ) -> Step:
        """Learn from one batch as `SpikeLearner.step`, then raise weights into silent neurons."""
        step = super().step(inputs, labels, optimiser, rng, times, arrivals, sample_weight)
        for name, activity in self.activity.items():
            if activity.bump:
                self._raise(name, self._silent[name], activity.bump)
        return step

    def _evaluate(self, run: ForwardPass, labels: Any) -> tuple[Floats, Any, int]:
        losses, errors, correct = super()._evaluate(run, labels)
        self._silent = {name: run.counts(name).max(axis=0) == 0 for name in self.activity}
        each = {name: activity.errors(run, name) for name, activity in self.activity.items()}
        return losses, {self.output: errors} | each, correct
