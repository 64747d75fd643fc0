"""Resolution of time stamps: spikes are transmitted at the ticks of a clock."""

from dataclasses import dataclass

from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["TimestampResolution"]


@register("hardware", "timestamp-resolution")
@dataclass(frozen=True, slots=True, repr=False)
class TimestampResolution(Part):
    """Each spike, those of inputs too, is transmitted at the next tick of a clock.

    Attributes
    ----------
    resolution : period of the clock, time unit of the network, >= 0; 0 for none.
    """

    resolution: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.resolution, "resolution", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.resolution > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_spikes(network, "all")

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Set the clock of a population."""
        transmission.resolution = self.resolution
