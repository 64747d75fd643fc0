"""Bus: the spikes of all neurons share one line."""

from dataclasses import dataclass

import numpy as np

from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["Bus"]


@register("hardware", "bus")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, slots=True, repr=False)
class Bus(Part):
    """The spikes of all neurons go through one bus, one at a time, first come first served.

    A spike that finds the bus busy waits in line (counted as ``delayed_on_bus``); if the line is full it is
    lost (``lost_on_bus``).

    Attributes
    ----------
    rate : spikes per time unit of the network, > 0; inf for no limit.
    capacity : spikes that may wait; 0 loses every spike that finds the bus busy.
    """

    rate: float = np.inf
    capacity: int = 0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate must be positive (inf: no limit), got {self.rate!r}")
        if isinstance(self.capacity, bool) or int(self.capacity) != self.capacity or self.capacity < 0:
            raise ValueError(f"capacity must be a whole number, at least 0, got {self.capacity!r}")

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.rate < np.inf

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_spikes(network, "neurons")

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Send the spikes of neurons through the bus."""
        if not transmission.is_source:
            transmission.bus = (float(self.rate), int(self.capacity))
