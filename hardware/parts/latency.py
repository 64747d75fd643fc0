"""Latency: spikes are late by a time that is fixed for each neuron."""

from dataclasses import dataclass

import numpy as np

from eventsim.hardware.parts.part import Part
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
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

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Add to the latency of neurons."""
        if transmission.is_source or not (self.mean or self.sigma):
            return
        x = placement.normals(trials.device_seed, self.stream, "circuit", transmission.places)
        transmission.latency += np.maximum(self.mean + self.sigma * x, 0.0)
