"""What happens to spikes on their way out: late, early, lost, by a clock, through a bus."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from eventsim.hardware.parts.part import Part
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["Bus", "Jitter", "Latency", "SpikeLoss", "TimestampResolution"]

Whose = Literal["neurons", "inputs", "all"]


def _concerned(whose: str, transmission: TransmissionParameters) -> bool:
    return whose == "all" or (whose == "inputs") == transmission.is_source


def _check_whose(whose: str) -> None:
    if whose not in ("neurons", "inputs", "all"):
        raise ValueError(f"whose must be neurons, inputs or all, got {whose!r}")


def _stream(part: Part, transmission: TransmissionParameters) -> str:
    """Return the stream of a part for circuits or for input lines, whose places have numbers of their own."""
    return part.stream + (" input" if transmission.is_source else "")


@register("hardware", "jitter")
@dataclass(frozen=True, slots=True)
class Jitter(Part):
    """Each spike is late or early by a normal number, drawn for each run, sample, unit and spike.

    One that would come before its cause comes with it and is counted (``cut``).

    Attributes
    ----------
    sigma : standard deviation, time unit of the network.
    whose : spikes of "neurons", "inputs" or "all".
    """

    sigma: float = 0.0
    whose: Whose = "neurons"

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)
        _check_whose(self.whose)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Add to the jitter of a population."""
        if self.sigma and _concerned(self.whose, transmission):
            transmission.jitter[:] = self.sigma
            transmission.jitter_keys = trials.keys(_stream(self, transmission), "spike", transmission.places)


@register("hardware", "latency")
@dataclass(frozen=True, slots=True)
class Latency(Part):
    """Spikes are late by a time of each neuron's own, fixed in the device: normal, but at least 0.

    Attributes
    ----------
    mean, sigma : mean and standard deviation over neurons, time unit of the network.
    """

    mean: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.mean, "mean", low=0)
        one_number(self.sigma, "sigma", low=0)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Make the spikes of neurons late."""
        if transmission.is_source or not (self.mean or self.sigma):
            return
        x = placement.normals(trials.device_seed, self.stream, "circuit", transmission.places)
        transmission.latency += np.maximum(self.mean + self.sigma * x, 0.0)


@register("hardware", "spike-loss")
@dataclass(frozen=True, slots=True)
class SpikeLoss(Part):
    """Each spike is lost with some probability, independently; lost ones are counted (``lost``).

    Attributes
    ----------
    probability : in [0, 1].
    whose : spikes of "neurons", "inputs" or "all".
    """

    probability: float = 0.0
    whose: Whose = "neurons"

    def __post_init__(self) -> None:
        one_number(self.probability, "probability", low=0, high=1)
        _check_whose(self.whose)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Lower the probability that a spike is transmitted."""
        if self.probability and _concerned(self.whose, transmission):
            transmission.probability *= 1.0 - self.probability
            transmission.loss_keys = trials.keys(_stream(self, transmission), "spike", transmission.places)


@register("hardware", "timestamp-resolution")
@dataclass(frozen=True, slots=True)
class TimestampResolution(Part):
    """Spikes are transmitted at the next tick of a clock, those of inputs too.

    Attributes
    ----------
    resolution : period of the clock, time unit of the network; 0 for none.
    """

    resolution: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.resolution, "resolution", low=0)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Set the clock of a population."""
        transmission.resolution = self.resolution


@register("hardware", "bus")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, slots=True)
class Bus(Part):
    """The spikes of all neurons go through one bus, one at a time.

    A spike that finds it busy waits in line (``delayed_on_bus``); if the line is full it is lost
    (``lost_on_bus``). Spikes are served in the order in which they come.

    Attributes
    ----------
    rate : spikes per time unit of the network; inf for no limit.
    capacity : spikes that may wait; 0 loses every spike that finds the bus busy.
    """

    rate: float = np.inf
    capacity: int = 0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate must be positive (inf: no limit), got {self.rate!r}")
        if isinstance(self.capacity, bool) or int(self.capacity) != self.capacity or self.capacity < 0:
            raise ValueError(f"capacity must be a whole number, at least 0, got {self.capacity!r}")

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Send the spikes of neurons through the bus."""
        if self.rate < np.inf and not transmission.is_source:
            transmission.bus = (float(self.rate), int(self.capacity))
