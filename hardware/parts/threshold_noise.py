"""Threshold noise: thresholds differ from run to run and from sample to sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.parts.part import Part
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import Trials
from eventsim.kernels import draws
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

    def thresholds(self, population: str, placement: Placement, trials: Trials) -> NDArray[np.float64] | None:
        """Return the relative changes of thresholds, shape (n_samples, n)."""
        if not (self.run or self.sample):
            return None
        places = placement.circuits[population]
        changes = np.zeros((len(trials.samples), len(places)))
        if self.run:
            changes += self.run * draws.normals(trials.run_keys(self.stream, "run", places))
        if self.sample:
            changes += self.sample * draws.normals(trials.keys(self.stream, "sample", places))
        return changes
