"""Dead neurons: single neuron circuits of a device that never spike."""

from dataclasses import dataclass
from typing import ClassVar

from eventsim.hardware.parts.part import BROKEN, Part
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["DeadNeurons"]


@register("hardware", "dead-neurons")
@dataclass(frozen=True, slots=True, repr=False)
class DeadNeurons(Part):
    """Each neuron is dead with some probability: all its spikes are lost.

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
        return no_spikes(network, "neurons")

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Lose all spikes of dead neurons."""
        if transmission.is_source:
            return
        u = placement.uniforms(trials.device_seed, self.stream, "circuit", transmission.places)
        transmission.probability[u < self.fraction] = 0.0
        if transmission.loss_keys is None:
            transmission.loss_keys = trials.keys(self.stream, "spike", transmission.places)
