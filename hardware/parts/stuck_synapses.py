"""Stuck synapses: single synapses of a device whose weight cannot be changed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import BROKEN, Part
from eventsim.hardware.parts.without_effect import no_projections
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["StuckSynapses"]


@register("hardware", "stuck-synapses")
@dataclass(frozen=True, slots=True, repr=False)
class StuckSynapses(Part):
    """Each synapse is stuck with some probability, at a weight drawn once from 0 to the largest.

    The sign is that of the synapse's row, which is that of the declared weight.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    largest : largest size of a stuck weight, >= 0.
    """

    fraction: float = 0.0
    largest: float = 1.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)
        one_number(self.largest, "largest", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.fraction > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_projections(network)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Set the weights of stuck synapses."""
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            stuck = synapses.uniforms(self.stream, "stuck") < self.fraction
            size = self.largest * synapses.uniforms(self.stream, "weight")
            at = np.where(synapses.weight < 0, -size, size)
            synapses.put_weight(np.where(stuck, at, synapses.weight))
