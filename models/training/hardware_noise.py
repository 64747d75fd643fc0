"""Hardware-aware training: thresholds that differ, delays that jitter, weights on a grid.

The forward pass deviates from the network. The backward pass takes the spike times of this forward pass, and
nominal parameters for everything else (Göltz et al. 2025, DelGrad).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.models.gradients.perturbation import Noise
from eventsim.parameters import one_number

__all__ = ["HardwareNoise", "WeightGrid"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareNoise:
    """Standard deviations of the differences between a network and the chip that runs it; all are normal.

    Attributes
    ----------
    threshold_mean : added to all thresholds.
    threshold_fixed : from neuron to neuron, drawn once from the seed of the network: the fixed pattern.
    threshold_batch : from neuron to neuron, drawn for each forward pass.
    threshold_sample : from neuron to neuron and sample to sample.
    delay : from synapse to synapse and sample to sample, time unit of the network.
    output : of each spike, time unit of the network.
    """

    threshold_mean: float = 0.0
    threshold_fixed: float = 0.0
    threshold_batch: float = 0.0
    threshold_sample: float = 0.0
    delay: float = 0.0
    output: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            low = -math.inf if each.name == "threshold_mean" else 0.0
            one_number(getattr(self, each.name), each.name, low=low)

    @property
    def needs_rng(self) -> bool:
        """Whether numbers are drawn for each forward pass."""
        return any((self.threshold_batch, self.threshold_sample, self.delay, self.output))

    def fixed_pattern(self, layers: Mapping[str, int], seed: int) -> dict[str, Floats]:
        """Return what is added to the thresholds of each layer in every run, shape (n,)."""
        return {
            name: self.threshold_mean
            + self.threshold_fixed * streams.stream(seed, "fixed pattern", name).standard_normal(n)
            for name, n in layers.items()
        }

    def draw(
        self,
        pattern: Mapping[str, Floats],
        synapses: Mapping[str, tuple[int, int]],
        n_samples: int,
        rng: np.random.Generator | None,
    ) -> Noise:
        """Return the deviations of one forward pass; without `rng`, the fixed ones alone.

        Parameters
        ----------
        pattern : of `fixed_pattern`.
        synapses : (n_pre, n_post) of each projection.
        """
        if rng is None or not self.needs_rng:
            return Noise(thresholds=pattern)
        thresholds: dict[str, Any] = {}
        spikes: dict[str, Any] = {}
        for name, fixed in pattern.items():
            n = len(fixed)
            thresholds[name] = fixed
            if self.threshold_batch:
                thresholds[name] = thresholds[name] + self.threshold_batch * rng.standard_normal(n)
            if self.threshold_sample:
                each = self.threshold_sample * rng.standard_normal((n_samples, n))
                thresholds[name] = thresholds[name] + each
            if self.output:
                spikes[name] = self.output * rng.standard_normal((n_samples, n))
        delays: dict[str, Any] = {}
        if self.delay:
            for name, shape in synapses.items():
                delays[name] = self.delay * rng.standard_normal((n_samples, *shape))
        return Noise(thresholds=thresholds, delays=delays, spikes=spikes)


@dataclass(frozen=True, slots=True)
class WeightGrid:
    """The weights that a chip can have; those of the optimiser lie between them.

    Attributes
    ----------
    step : distance of two neighbouring weights; 0 for no grid.
    limit : largest size of a weight; those of the optimiser are clipped to it too.
    """

    step: float = 0.0
    limit: float = math.inf

    def __post_init__(self) -> None:
        one_number(self.step, "step", low=0)
        if not self.limit > 0:
            raise ValueError(f"limit must be positive (inf: none), got {self.limit!r}")

    def value(self, weight: Floats) -> Floats:
        """Return the closest weights of the chip."""
        nearest = np.rint(weight / self.step) * self.step if self.step else weight
        clipped: Floats = np.clip(nearest, -self.limit, self.limit)
        return clipped

    def settle(self, weight: Floats) -> None:
        """Clip weights, in place, to those that a chip can have."""
        np.clip(weight, -self.limit, self.limit, out=weight)
