"""Latency: spikes are late by a time that is fixed for each neuron."""

from dataclasses import dataclass

import numpy as np

from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.without_effect import no_spikes
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["Latency"]


@register("hardware", "latency")
@dataclass(frozen=True, slots=True, repr=False)
class Latency(Part):
    """Spikes of neurons are late by a time that is fixed in the device: normal over neurons, at least 0.

    Attributes
    ----------
    mean, sigma : mean and standard deviation over neurons, time unit of the network, >= 0.
    """

    mean: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.mean, "mean", low=0)
        one_number(self.sigma, "sigma", low=0)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.mean > 0 or self.sigma > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_spikes(network, "neurons")

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Add to the latency of neurons."""
        if transmission.is_source:
            return
        x = placement.normals(trials.device_seed, self.stream, "circuit", transmission.places)
        transmission.latency += np.maximum(self.mean + self.sigma * x, 0.0)
