"""`FirstSpike`, the name that earlier versions had for a `SpikeLearner` of weights alone; it goes soon."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import real_array
from eventsim.models.training.optimisers import Optimiser
from eventsim.models.training.spike_learner import SpikeLearner, Step
from eventsim.network import Network
from eventsim.renamed import warn_renamed

__all__ = ["FirstSpike"]

Floats = NDArray[np.float64]


class FirstSpike:
    """Deprecated: ``SpikeLearner(net, output, loss, learn="weight", max_dw_norm=0.2)`` gives the same
    numbers.

    Its parameters are named by projection alone, ``input->hidden`` for ``weight/input->hidden``, and
    `forward` returns the first spikes of every layer.
    """

    def __init__(
        self,
        net: Network,
        output: str,
        loss: Any = None,
        *,
        max_missing: Mapping[str, float] | None = None,
        bump: float = 5e-4,
        max_dw_norm: float = 0.2,
        threads: int = 1,
    ) -> None:
        warn_renamed("FirstSpike(...)", "SpikeLearner(..., learn='weight', max_dw_norm=0.2)")
        learner = SpikeLearner(
            net,
            output,
            loss,
            learn="weight",
            max_missing=max_missing,
            bump=bump,
            max_dw_norm=max_dw_norm,
            threads=threads,
        )
        self._wrap(learner)

    def _wrap(self, learner: SpikeLearner) -> None:
        self._learner = learner
        self.loss, self.output = learner.loss, learner.output
        self.weights: Mapping[str, Floats] = MappingProxyType(_by_projection(learner.parameters))
        self.network, self.state, self.restore = learner.network, learner.state, learner.restore

    def __getstate__(self) -> dict[str, Any]:
        return {"learner": self._learner}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._wrap(state["learner"])

    def forward(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Floats]:
        """Return the first spikes of every layer, shape (n_samples, n)."""
        shifted, origin = _from_zero(inputs)
        run = self._learner.forward(shifted)
        return {name: run.first_spikes(name) + origin for name in self._learner.spiking}

    def predict(self, inputs: Mapping[str, ArrayLike]) -> NDArray[np.int64]:
        """Return the class of each sample, shape (n_samples,)."""
        return self._learner.classes_of(self.forward(inputs)[self.output])

    def score(self, inputs: Mapping[str, ArrayLike], labels: ArrayLike) -> float:
        """Return the fraction of samples whose class is right."""
        predicted = self.predict(inputs)
        return float((predicted == self._learner.checked_labels(labels, len(predicted))).mean())

    def gradients(
        self, inputs: Mapping[str, ArrayLike], labels: ArrayLike, times: Mapping[str, ArrayLike] | None = None
    ) -> tuple[float, dict[str, Floats]]:
        """Return the mean loss of a batch and its derivatives in the weights."""
        shifted, origin = _from_zero(inputs)
        loss, gradients = self._learner.gradients(shifted, labels, times=_moved(times, origin))
        return loss, _by_projection(gradients)

    def step(
        self,
        inputs: Mapping[str, ArrayLike],
        labels: ArrayLike,
        optimiser: Optimiser,
        times: Mapping[str, ArrayLike] | None = None,
    ) -> Step:
        """Learn from one batch; see `SpikeLearner.step`."""
        shifted, origin = _from_zero(inputs)
        named = _ByProjection(self.weights, optimiser)
        return self._learner.step(shifted, labels, named, times=_moved(times, origin))


class _ByProjection:
    """An optimiser that knows weights by the names of their projections."""

    def __init__(self, weights: Mapping[str, Floats], optimiser: Optimiser) -> None:
        self.weights, self.optimiser = weights, optimiser

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        self.optimiser.update(self.weights, _by_projection(gradients))


def _by_projection(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name.removeprefix("weight/"): weight for name, weight in weights.items()}


def _from_zero(inputs: Mapping[str, ArrayLike]) -> tuple[dict[str, Floats], float]:
    """Return inputs none of which is negative, and the time that was taken off; a shift shifts all spikes."""
    arrays = {name: np.atleast_2d(real_array(times, f"times of {name!r}")) for name, times in inputs.items()}
    origin = min(0.0, *(float(times.min()) for times in arrays.values()))
    return {name: times - origin for name, times in arrays.items()}, origin


def _moved(times: Mapping[str, ArrayLike] | None, origin: float) -> dict[str, Floats] | None:
    if times is None:
        return None
    return {
        name: np.atleast_2d(real_array(each, f"times of {name!r}")) - origin for name, each in times.items()
    }
