"""The imperfections of `robustness`: levels, what they mean, and the parts that make them."""

from collections.abc import Callable
from typing import Any

LEVELS: dict[str, tuple[float, ...]] = {
    "weight_bits": (3, 4, 5, 6, 7, 8),
    "weight_range": (0.5, 1.0, 2.0, 4.0),
    "weight_range_copies": (0.5, 1.0, 2.0, 4.0),
    "weight_spread": (0.01, 0.02, 0.05, 0.1),
    "threshold_spread": (0.01, 0.02, 0.05, 0.1),
    "threshold_noise": (0.01, 0.02, 0.05),
    "tau_spread": (0.05, 0.1, 0.2),
    "tau_ratio": (0.5, 0.8, 1.25, 2.0),
    "jitter": (0.001, 0.005, 0.01, 0.02, 0.05, 0.1),
    "input_jitter": (0.01, 0.02, 0.05, 0.1),
    "latency": (0.1, 0.5),
    "spike_loss": (0.01, 0.05),
    "time_stamps": (0.01, 0.05, 0.1),
    "missing_synapses": (0.01, 0.05, 0.1),
    "dead_neurons": (0.01, 0.05, 0.1),
    "delay_steps": (0.05, 0.1, 0.25),
    "delay_spread": (0.02, 0.05, 0.1),
}
MEANING = {
    "weight_bits": "weights of n bits with their sign, clipped at a limit",
    "weight_range": "largest weight",
    "weight_range_copies": "largest weight, inputs on five lines each",
    "weight_spread": "weights from synapse to synapse, relative",
    "threshold_spread": "thresholds from neuron to neuron, relative",
    "threshold_noise": "thresholds from sample to sample, relative",
    "tau_spread": "both time constants from neuron to neuron, relative",
    "tau_ratio": "membrane time constant of the chip over that of the learning rule's",
    "jitter": "spike times of neurons, tau_syn",
    "input_jitter": "spike times of inputs, tau_syn",
    "latency": "mean lateness of spikes of neurons, spread over them by half as much, tau_syn",
    "spike_loss": "probability of a spike to be lost",
    "time_stamps": "period of the clock, tau_syn",
    "missing_synapses": "fraction",
    "dead_neurons": "fraction",
    "delay_steps": "steps of delays, tau_syn (delgrad)",
    "delay_spread": "delays from element to element, relative (delgrad)",
}
COPIES = 5


def parts_of(imperfection: str, level: float, tau_syn: float, weight_limit: float) -> list[Any]:
    """Return the parts that make an imperfection of some level."""
    from eventsim import hardware as hw

    if imperfection == "weight_bits":
        return [
            hw.WeightQuantization(weight_limit / (2 ** (int(level) - 1) - 1)),
            hw.WeightSaturation(weight_limit),
        ]
    made: dict[str, Callable[[], list[Any]]] = {
        "weight_range": lambda: [hw.WeightSaturation(level)],
        "weight_range_copies": lambda: [hw.WeightSaturation(level)],
        "weight_spread": lambda: [hw.Mismatch("weight", level)],
        "threshold_spread": lambda: [hw.Mismatch("v_th", level)],
        "threshold_noise": lambda: [hw.ThresholdNoise(sample=level)],
        "tau_spread": lambda: [hw.Mismatch("tau_mem", level), hw.Mismatch("tau_syn", level)],
        "tau_ratio": lambda: [hw.Offset("tau_mem", level)],
        "jitter": lambda: [hw.Jitter(level * tau_syn)],
        "input_jitter": lambda: [hw.Jitter(level * tau_syn, whose="inputs")],
        "latency": lambda: [hw.Latency(level * tau_syn, 0.5 * level * tau_syn)],
        "spike_loss": lambda: [hw.SpikeLoss(level)],
        "time_stamps": lambda: [hw.TimestampResolution(level * tau_syn)],
        "missing_synapses": lambda: [hw.MissingSynapses(level)],
        "dead_neurons": lambda: [hw.DeadNeurons(level)],
        "delay_steps": lambda: [hw.DelayQuantization(level * tau_syn)],
        "delay_spread": lambda: [hw.Mismatch("delay", level)],
    }
    return made[imperfection]()
