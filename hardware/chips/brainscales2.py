"""BrainScaleS-2: an analog chip a thousand times faster than biology, with its published numbers.

512 neuron circuits of 256 synapses each, weights of six bits, a sign for each row, so that an input takes
two of them; circuits are joined where a neuron has more inputs. Spikes leave at ticks of 8 ns. Delays are
made of two circuits each, in the second half of the chip, and belong to a line: 8.25 to 33.25 us in steps of
0.125 us, at most 128 of them (Göltz et al. 2021, 2025; their code).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from eventsim.hardware.chips.chip import Chip
from eventsim.hardware.parts.delay_quantization import DelayQuantization
from eventsim.hardware.parts.jitter import Jitter
from eventsim.hardware.parts.mismatch import Mismatch
from eventsim.hardware.parts.offset import Offset
from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.spike_loss import SpikeLoss
from eventsim.hardware.parts.threshold_noise import ThresholdNoise
from eventsim.hardware.parts.timestamp_resolution import TimestampResolution
from eventsim.hardware.parts.trims import Trims, loaded
from eventsim.hardware.parts.weight_quantization import WeightQuantization
from eventsim.hardware.parts.weight_saturation import WeightSaturation
from eventsim.hardware.placement import Layout
from eventsim.network import Network
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["BrainScaleS2", "BrainScaleS2Ideal"]

CIRCUITS = 512
ROWS = 256
MOST_JOINED = 64
ELEMENTS = 128
LARGEST = 63  # of a weight of six bits
STEPS_PER_WEIGHT = 30
STAMP_US = 0.008
DELAY_US = (8.25, 33.25, 0.125)  # shortest, longest, step


@register("hardware", "brainscales2-ideal")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, repr=False)
class BrainScaleS2Ideal(Chip):
    """BrainScaleS-2 with perfect circuits: its weights, delays, time stamps and capacity, and nothing else.

    Attributes
    ----------
    device_seed, seed : seeds of the fixed pattern of the device, and of what differs from run to run.
    us_per_unit : us on the chip for one time unit of the network; unless given, 6 us are the network's
        tau_syn.
    overflow : policy for weights beyond 63 steps: "clip" (counted) or "refuse".
    """

    device_seed: int = 0
    seed: int = 0
    us_per_unit: float | None = None
    overflow: Literal["clip", "refuse"] = "clip"

    paper: ClassVar[str] = "Pehle et al. 2022, The BrainScaleS-2 accelerated neuromorphic system"
    tau_us: ClassVar[float] = 6.0  # type: ignore[misc]
    speed_up: ClassVar[float] = 1000.0  # type: ignore[misc]
    wait_us: ClassVar[float] = 100.0  # type: ignore[misc]
    power_watt: ClassVar[float] = 0.175  # type: ignore[misc]

    def label(self) -> str:
        """Return the name of the chip in messages."""
        return "BrainScaleS-2"

    def layout(self) -> Layout:
        """Return the capacity."""
        return Layout(self.label(), CIRCUITS, ROWS, MOST_JOINED, ELEMENTS, 2)

    def parts_for(self, network: Network) -> tuple[Part, ...]:
        """Return the digital parts of the chip, with times in the network's time unit."""
        us = 1.0 / self.scale(network)
        shortest, longest, step = DELAY_US
        return (
            WeightQuantization(1.0 / STEPS_PER_WEIGHT),
            WeightSaturation(LARGEST / STEPS_PER_WEIGHT, self.overflow),
            DelayQuantization(step * us, shortest * us, longest * us, lines=True),
            TimestampResolution(STAMP_US * us),
        )


@register("hardware", "brainscales2")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, repr=False)
class BrainScaleS2(BrainScaleS2Ideal):
    """BrainScaleS-2 as its users find it: noisy thresholds and spike times on top of its weights and delays.

    Offset, mismatch and noise of thresholds are those of its users' model of the chip, relative to a
    threshold of 2.6 (0.13, 0.08, 0.04); so is the jitter, 0.01 of 6 us (Göltz et al. 2025). Imperfections
    without a published number are 0.

    Attributes
    ----------
    device_seed, seed : seeds of the fixed pattern of the device, and of what differs from run to run.
    us_per_unit : us on the chip for one time unit of the network; unless given, 6 us are the network's
        tau_syn.
    overflow : policy for weights beyond 63 steps: "clip" (counted) or "refuse".
    threshold_offset, threshold_mismatch : mean and standard deviation of thresholds from circuit to circuit,
        relative.
    threshold_noise : standard deviation from run to run, relative.
    jitter_us : of spikes of neurons and of delay elements, us.
    tau_mismatch : of both time constants from circuit to circuit, relative.
    synapse_mismatch : of weights from synapse to synapse, relative.
    delay_mismatch : of delays from element to element, relative.
    loss : probability of a spike to be lost.
    calibration : file of trims of this device, see `calibrate`; "" for none.
    """

    threshold_offset: float = 0.13 / 2.6
    threshold_mismatch: float = 0.08 / 2.6
    threshold_noise: float = 0.04 / 2.6
    jitter_us: float = 0.06
    tau_mismatch: float = 0.0
    synapse_mismatch: float = 0.0
    delay_mismatch: float = 0.0
    loss: float = 0.0
    calibration: str = ""

    def parts_for(self, network: Network) -> tuple[Part, ...]:
        """Return all parts of the chip, in the network's time unit."""
        us = 1.0 / self.scale(network)
        return (
            *super().parts_for(network),
            Offset("v_th", 1.0 + self.threshold_offset),
            Mismatch("v_th", self.threshold_mismatch),
            Mismatch("tau_mem", self.tau_mismatch),
            Mismatch("tau_syn", self.tau_mismatch),
            Mismatch("weight", self.synapse_mismatch),
            Mismatch("delay", self.delay_mismatch),
            ThresholdNoise(run=self.threshold_noise),
            Jitter(self.jitter_us * us, whose="all"),
            SpikeLoss(self.loss),
            Trims(loaded(self.calibration) if self.calibration else None),
        )
