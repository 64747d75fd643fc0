"""Missing synapses: single synapses of a device that transmit nothing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import BROKEN, Part
from eventsim.hardware.parts.without_effect import no_projections
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["MissingSynapses"]


@register("hardware", "missing-synapses")
@dataclass(frozen=True, slots=True, repr=False)
class MissingSynapses(Part):
    """Each synapse is missing with some probability; its weight is 0.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    """

    fraction: float = 0.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.fraction > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_projections(network)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Set the weights of missing synapses to 0."""
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            missing = synapses.uniforms(self.stream, "missing") < self.fraction
            synapses.put_weight(np.where(missing, 0.0, synapses.weight))
