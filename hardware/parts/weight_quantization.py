"""Weight quantization: a chip holds weights as whole multiples of a step."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import DIGITAL, Part
from eventsim.hardware.parts.without_effect import no_projections
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["WeightQuantization"]


@register("hardware", "weight-quantization")
@dataclass(frozen=True, slots=True, repr=False)
class WeightQuantization(Part):
    """Each weight becomes the nearest whole multiple of a step, halves the even one.

    Attributes
    ----------
    step : distance of two neighbouring weights, >= 0; 0 for any weight.
    """

    step: float = 0.0
    stage: ClassVar[int] = DIGITAL

    def __post_init__(self) -> None:
        one_number(self.step, "step", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.step > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_projections(network)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Round all weights."""
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            synapses.put_weight(np.rint(synapses.weight / self.step) * self.step)
