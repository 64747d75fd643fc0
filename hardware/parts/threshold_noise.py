"""Threshold noise: thresholds differ from run to run and from sample to sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.without_effect import no_parameter
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import Trials
from eventsim.kernels import draws
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["ThresholdNoise"]


@register("hardware", "threshold-noise")
@dataclass(frozen=True, slots=True, repr=False)
class ThresholdNoise(Part):
    """Thresholds differ from run to run, and from sample to sample within a run.

    The distance of a threshold from v_leak is multiplied by ``1 + run x + sample y``, x and y standard normal
    for each neuron; the factor is at least a twentieth.

    Attributes
    ----------
    run : relative standard deviation from run to run, common to all samples of a run, >= 0.
    sample : relative standard deviation from sample to sample, >= 0.
    """

    run: float = 0.0
    sample: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.run, "run", low=0)
        one_number(self.sample, "sample", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.run > 0 or self.sample > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_parameter(network, "v_th")

    def thresholds(self, population: str, placement: Placement, trials: Trials) -> NDArray[np.float64]:
        """Return the relative changes of thresholds, shape (n_samples, n)."""
        places = placement.circuits[population]
        changes = np.zeros((1, len(places)))
        if self.run:
            changes += self.run * draws.normals(trials.run_keys(self.stream, "run", places))
        if self.sample:
            changes = changes + self.sample * draws.normals(trials.keys(self.stream, "sample", places))
        return np.broadcast_to(changes, (len(trials.samples), len(places)))
