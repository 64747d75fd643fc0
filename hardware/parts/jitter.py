"""Jitter: each spike is late or early by a random time."""

from dataclasses import dataclass

from eventsim.hardware.parts.part import Part, Whose, checked_whose, concerns, spike_keys
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["Jitter"]


@register("hardware", "jitter")
@dataclass(frozen=True, slots=True, repr=False)
class Jitter(Part):
    """Each spike is late by a normal number, drawn for each run, sample, unit and spike.

    A spike that would come before its threshold crossing comes with it and is counted (``cut``).

    Attributes
    ----------
    sigma : standard deviation, time unit of the network, >= 0.
    whose : spikes of "neurons", "inputs" or "all".
    """

    sigma: float = 0.0
    whose: Whose = "neurons"

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)
        checked_whose(self.whose)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.sigma > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_spikes(network, self.whose)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Set the jitter of a population."""
        if concerns(self.whose, transmission):
            transmission.jitter[:] = self.sigma
            transmission.jitter_keys = spike_keys(self, transmission, trials)
