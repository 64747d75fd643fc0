"""Spike loss: single spikes get lost."""

from dataclasses import dataclass

from eventsim.hardware.parts.part import Part, Whose, checked_whose, concerns, spike_keys
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["SpikeLoss"]


@register("hardware", "spike-loss")
@dataclass(frozen=True, slots=True, repr=False)
class SpikeLoss(Part):
    """Each spike is lost with some probability, independently of others, and counted (``lost``).

    Attributes
    ----------
    probability : of a loss, in [0, 1].
    whose : spikes of "neurons", "inputs" or "all".
    """

    probability: float = 0.0
    whose: Whose = "neurons"

    def __post_init__(self) -> None:
        one_number(self.probability, "probability", low=0, high=1)
        checked_whose(self.whose)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.probability > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_spikes(network, self.whose)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Lower the probability that a spike is transmitted."""
        if concerns(self.whose, transmission):
            transmission.probability *= 1.0 - self.probability
            transmission.loss_keys = spike_keys(self, transmission, trials)
