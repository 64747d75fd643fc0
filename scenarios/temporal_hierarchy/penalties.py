"""Penalties on weights, firing and decays; norms are of all entries together, and not squared.

    weight_penalty |{W, gamma, beta}|  +  rate_penalty (target - mean spikes)^2
        + 0.1 |{max(alpha - 0.95, 0)}|  +  pull |{alpha - mean of its layer}|

The gradient of a norm is 0 where the norm is 0: all decays of a layer are equal at first without a spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers import LIF, Dropout, Penalised, Sequential

__all__ = ["DecayPenalty", "RatePenalty", "WeightPenalty"]

Array = NDArray[Any]
LONG_WEIGHT, LONG_FROM = 0.1, 0.95  # of the penalty on long time constants, and the decay it begins at


@dataclass(frozen=True)
class WeightPenalty:
    """Keeps the norm of all weights, scales and shifts small.

    Attributes
    ----------
    factor : of the norm.
    """

    factor: float

    def __call__(self, model: Sequential, lengths: Array | None = None) -> Penalised:
        """Return the penalty and its derivatives."""
        found = {name: p for name, p in model.parameters.items() if not name.startswith("alpha/")}
        size = norm(found)
        return Penalised(self.factor * size, parameters=directions(found, self.factor, size))


@dataclass(frozen=True)
class DecayPenalty:
    """Pulls the decays of a layer together, and decays above 0.95 down.

    Attributes
    ----------
    pull : factor of the norm of the distances to the mean of a layer.
    decay_out : of the outputs. It is not trained, and is part of the norm of long decays.
    """

    pull: float
    decay_out: float

    def __call__(self, model: Sequential, lengths: Array | None = None) -> Penalised:
        """Return the penalty and its derivatives."""
        decays = {n: p.astype(np.float64) for n, p in model.parameters.items() if n.startswith("alpha/")}
        excess = {name: np.maximum(alpha - LONG_FROM, 0.0) for name, alpha in decays.items()}
        distance = {name: alpha - alpha.mean() for name, alpha in decays.items()}
        long = float(np.hypot(norm(excess), max(self.decay_out - LONG_FROM, 0.0)))
        wide = norm(distance)
        upper = directions(excess, LONG_WEIGHT, long)
        # Distances of a layer add up to 0, so the derivative of the mean itself drops out.
        inner = directions(distance, self.pull, wide)
        return Penalised(
            LONG_WEIGHT * long + self.pull * wide, parameters={n: upper[n] + inner[n] for n in decays}
        )


@dataclass(frozen=True)
class RatePenalty:
    """Keeps the mean spikes of hidden neurons in a sample near a target.

    Attributes
    ----------
    factor : of the squared distance.
    target : spikes a neuron and sample.
    """

    factor: float
    target: float

    def __call__(self, model: Sequential, lengths: Array | None = None) -> Penalised:
        """Return the penalty and its derivatives in the spikes that the next layers see, but padding."""
        places = [k for k, layer in enumerate(model.layers) if isinstance(layer, LIF)]
        places = [k + isinstance(model.layers[k + 1], Dropout) for k in places]
        layers = {place: model.outputs[place] for place in places}
        steps = next(iter(layers.values())).shape[0]
        shown = None if lengths is None else (np.arange(steps)[:, None] < lengths)[:, :, None]
        means = [
            s.sum(dtype=np.float64, where=True if shown is None else shown) / (s.shape[1] * s.shape[2])
            for s in layers.values()
        ]
        missing = self.target - float(np.mean(means))
        added = {
            place: np.array(-2.0 * self.factor * missing / (len(layers) * s.shape[1] * s.shape[2]), s.dtype)
            for place, s in layers.items()
        }
        if shown is not None:
            added = {place: shown * slope for place, slope in added.items()}
        return Penalised(self.factor * missing**2, outputs=added)


def norm(arrays: Mapping[Any, Array]) -> float:
    """Return the Euclidean norm of all entries together."""
    return float(np.sqrt(sum(float((array.astype(np.float64) ** 2).sum()) for array in arrays.values())))


def directions(arrays: Mapping[Any, Array], factor: float, size: float) -> dict[Any, Array]:
    """Return the derivatives of `factor` times a norm `size`; 0 where it is 0."""
    return {name: array * (factor / size if size else 0.0) for name, array in arrays.items()}
