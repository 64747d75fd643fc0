"""Rate noise: the rates of continuous neurons are noisy."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import ANALOG, Part
from eventsim.hardware.parts.without_effect import no_parameter
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["RateNoise"]


@register("hardware", "rate-noise")
@dataclass(frozen=True, slots=True, repr=False)
class RateNoise(Part):
    """Rates of continuous neurons have normal noise, drawn anew at every tick.

    It adds to the noise that a model has by itself: variances add up.

    Attributes
    ----------
    sigma : standard deviation, in the unit of the rate, >= 0.
    """

    sigma: float = 0.0
    stage: ClassVar[int] = ANALOG

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.sigma > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_parameter(network, "noise", may_be_zero=True)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Add to the noise of models that have a parameter for it."""
        for name in editor.neurons:
            if editor.has(name, "noise"):
                editor.put(name, "noise", np.hypot(editor.values(name, "noise"), self.sigma))
