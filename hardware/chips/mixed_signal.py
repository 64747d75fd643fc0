"""A generic mixed-signal chip: digital weights of few bits, analog neurons that differ, one bus."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from eventsim.hardware.chips.chip import Chip
from eventsim.hardware.parts.bus import Bus
from eventsim.hardware.parts.dead_neurons import DeadNeurons
from eventsim.hardware.parts.jitter import Jitter
from eventsim.hardware.parts.latency import Latency
from eventsim.hardware.parts.mismatch import Mismatch
from eventsim.hardware.parts.missing_synapses import MissingSynapses
from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.weight_quantization import WeightQuantization
from eventsim.hardware.parts.weight_saturation import WeightSaturation
from eventsim.hardware.placement import Layout
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["MixedSignal"]


@register("hardware", "mixed-signal")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, repr=False)
class MixedSignal(Chip):
    """A generic chip; every number can be chosen.

    Attributes
    ----------
    device_seed, seed : seeds of the fixed pattern of the device, and of what differs from run to run.
    us_per_unit : us on the chip for one time unit of the network; unless given, tau_us are the network's
        tau_syn.
    tau_us : synaptic time constant on the chip, us.
    circuits, rows : neuron circuits, and synapses of each (two for an input); 0 for as many as are needed.
    weight_bits : of a weight, without its sign; 0 for weights of any value.
    largest : weight of the largest number that these bits make.
    overflow : policy for larger weights: "clip" (counted) or "refuse".
    threshold_mismatch, tau_mismatch, synapse_mismatch : from place to place, relative standard deviations.
    latency_us, jitter_us : mean delay of spikes on their way out, and its standard deviation from spike to
        spike.
    bus_per_us : spikes per us that the bus carries; 0 for any number.
    bus_capacity : spikes that may wait for the bus.
    missing, dead : fractions of synapses and of neurons that do not work.
    speed_up : how many times faster than biology.
    wait_us, power_watt : before the first sample of a run, and of the whole chip, for estimates.
    """

    device_seed: int = 0
    seed: int = 0
    us_per_unit: float | None = None
    tau_us: float = 1000.0
    circuits: int = 256
    rows: int = 512
    weight_bits: int = 4
    largest: float = 2.0
    overflow: Literal["clip", "refuse"] = "clip"
    threshold_mismatch: float = 0.05
    tau_mismatch: float = 0.1
    synapse_mismatch: float = 0.05
    latency_us: float = 1.0
    jitter_us: float = 1.0
    bus_per_us: float = 10.0
    bus_capacity: int = 64
    missing: float = 0.0
    dead: float = 0.0
    speed_up: float = 1.0
    wait_us: float = 0.0
    power_watt: float = 0.01

    paper: ClassVar[str] = (
        "Chicca et al. 2014, Neuromorphic electronic circuits for building autonomous systems"
    )

    def __post_init__(self) -> None:
        for name in ("tau_us", "largest", "speed_up"):
            if not one_number(getattr(self, name), name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("circuits", "rows", "weight_bits", "bus_per_us", "wait_us", "power_watt"):
            one_number(getattr(self, name), name, low=0)

    def label(self) -> str:
        """Return the name of the chip in messages."""
        return "the mixed-signal chip"

    def layout(self) -> Layout:
        """Return the capacity."""
        return Layout(self.label(), self.circuits, self.rows)

    def parts_for(self, network: Network) -> tuple[Part, ...]:
        """Return all parts of the chip, in the network's time unit."""
        us = 1.0 / self.scale(network)
        parts: list[Part] = [
            Mismatch("v_th", self.threshold_mismatch),
            Mismatch("tau_mem", self.tau_mismatch),
            Mismatch("tau_syn", self.tau_mismatch),
            Mismatch("weight", self.synapse_mismatch),
            Latency(self.latency_us * us),
            Jitter(self.jitter_us * us),
            MissingSynapses(self.missing),
            DeadNeurons(self.dead),
        ]
        if self.weight_bits:
            parts += [
                WeightQuantization(self.largest / (2**self.weight_bits - 1)),
                WeightSaturation(self.largest, self.overflow),
            ]
        if self.bus_per_us:
            parts.append(Bus(self.bus_per_us / us, self.bus_capacity))
        return tuple(parts)
