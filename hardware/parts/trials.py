"""What differs from run to run: thresholds, and the noise of rates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import ANALOG, Part
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import Trials
from eventsim.kernels import draws
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["RateNoise", "ThresholdNoise"]

Floats = NDArray[np.float64]


@register("hardware", "threshold-noise")
@dataclass(frozen=True, slots=True)
class ThresholdNoise(Part):
    """Thresholds differ from run to run, and from sample to sample within a run.

    The distance of a threshold from rest is multiplied by ``1 + run x + sample y``, x and y standard normal
    for each neuron; it never falls below a twentieth.

    Attributes
    ----------
    run : relative standard deviation of what all samples of a run share.
    sample : of what differs between them.
    """

    run: float = 0.0
    sample: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.run, "run", low=0)
        one_number(self.sample, "sample", low=0)

    def thresholds(self, population: str, placement: Placement, trials: Trials) -> Floats | None:
        """Return the deviations, shape (n_samples, n)."""
        if not (self.run or self.sample):
            return None
        places = placement.circuits[population]
        shares = np.zeros((len(trials.samples), len(places)))
        if self.run:
            shares += self.run * draws.normals(trials.run_keys(self.stream, "run", places))
        if self.sample:
            shares += self.sample * draws.normals(trials.keys(self.stream, "sample", places))
        return shares


@register("hardware", "rate-noise")
@dataclass(frozen=True, slots=True)
class RateNoise(Part):
    """Rates of continuous neurons are noisy.

    The noise is normal, drawn anew at every tick, and adds to what noise they have: variances add up.

    Attributes
    ----------
    sigma : standard deviation, in the unit of the rate.
    """

    sigma: float = 0.0
    stage: ClassVar[int] = ANALOG

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Add to the noise of models that have some; variances add up."""
        if self.sigma:
            for name in editor.neurons:
                if editor.has(name, "noise"):
                    editor.put(name, "noise", np.hypot(editor.values(name, "noise"), self.sigma))
