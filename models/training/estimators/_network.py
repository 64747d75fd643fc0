"""What a classifier adds around its samples: a clock, twins of the inputs, a bias, and the network itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.models.inputs.sources import SpikeSource
from eventsim.models.lif.lif import LIF
from eventsim.models.training.parametrisations import Sigmoid
from eventsim.network import Network

__all__ = ["Clock", "classifier_network", "taken"]

Floats = NDArray[np.float64]
Samples = Floats | list[tuple[Floats, NDArray[np.int64]]]

EARLY = 0.15  # tau_syn; where the first input spike of the training samples is put
BIAS = 0.9  # tau_syn; time of the bias spike
DELAY_SPREAD = 0.25  # standard deviation of p at first; delays are half a tau_syn, give or take a tenth


@dataclass(frozen=True, slots=True)
class Clock:
    """How times of samples become times of the network, in tau_syn, and back.

    Attributes
    ----------
    origin, unit : of the network's clock, in the unit of the samples' times.
    turn : tau_syn; a spike at t has a twin at `turn` - t. nan for no twins.
    n_spikes : how many spikes a sample has on average, twins included.
    """

    origin: float
    unit: float
    turn: float
    n_spikes: float

    @classmethod
    def of_samples(cls, samples: Samples, late: float, tau_syn: float | None, mirror: bool) -> "Clock":
        """Return a clock on which the spikes of the samples lie between `EARLY` and `late`.

        Raises
        ------
        ValueError
            If there are no spikes.
        """
        several = not isinstance(samples, np.ndarray)
        times = samples if isinstance(samples, np.ndarray) else np.concatenate([t for t, _ in samples])
        there = times[times < np.inf]
        if not there.size:
            raise ValueError("no input spikes in any sample: all times are inf")
        first, last = float(there.min()), float(there.max())
        if tau_syn is None:
            unit = (last - first) / (late - EARLY) if last > first else 1.0
            origin = first - EARLY * unit
        else:
            unit, origin = float(tau_syn), 0.0
        turn = (first - origin) / unit + (last - origin) / unit
        mirror &= not several
        n_spikes = there.size / len(samples) * (2 if mirror else 1)
        return cls(origin, unit, turn if mirror else np.nan, n_spikes)

    def to_samples(self, times: Floats) -> Floats:
        """Return times of the network on the clock of the samples."""
        found: Floats = self.origin + self.unit * times
        return found

    def inputs(self, samples: Samples) -> dict[str, Any]:
        """Return the spikes of each source; what comes before time 0 is put there."""
        bias = np.array([[BIAS]])
        if not isinstance(samples, np.ndarray):
            moved = [(np.maximum((t - self.origin) / self.unit, 0.0), u) for t, u in samples]
            return {"input": moved, "bias": [([BIAS], [0])]}
        times = np.maximum((samples - self.origin) / self.unit, 0.0)
        if not np.isnan(self.turn):
            twins = np.where(times < np.inf, np.maximum(self.turn - times, 0.0), np.inf)
            times = np.concatenate([times, twins], axis=1)
        return {"input": times, "bias": bias}


def classifier_network(
    n_inputs: int,
    n_spikes: float,
    hidden: Sequence[int],
    n_classes: int,
    delays: str,
    tau_ratio: float,
    seed: int,
) -> Network:
    """Return the untrained network: sources ``input`` and ``bias``, layers ``hidden1``, ..., and ``label``.

    Weights are drawn so that a neuron spikes when about half of its inputs have: over the spikes of a sample,
    of which `n_spikes` come from the inputs, weights add up to 4, with a standard deviation of 2.
    """
    net = Network(seed=seed, time_unit="1")
    neuron = LIF(tau_mem=tau_ratio, first_spike_only=True)
    net.add("input", SpikeSource(), n_inputs)
    net.add("bias", SpikeSource(), 1)
    below, n_below, n_given = "input", n_inputs, n_spikes
    names = [*(f"hidden{k + 1}" for k in range(len(hidden))), "label"]
    for name, n in zip(names, (*hidden, n_classes), strict=True):
        net.add(name, neuron, n)
        expected = n_given + 1
        for source, m in ((below, n_below), ("bias", 1)):
            stream = rng.stream(seed, "parameters", source, name)
            weight = stream.normal(4.0 / expected, 2.0 / np.sqrt(expected), (m, n))
            shape = {"axonal": (m, 1), "dendritic": (1, n)}.get(delays, (m, n))
            drawn = Sigmoid().value(stream.normal(0.0, DELAY_SPREAD, shape))
            net.connect(source, name, weight=weight, delay=0.0 if delays == "none" else drawn)
        below, n_below, n_given = name, n, float(n)
    return net


def taken(samples: Samples, chosen: NDArray[np.int64]) -> Samples:
    """Return some of the samples."""
    if isinstance(samples, np.ndarray):
        part: Floats = samples[chosen]
        return part
    return [samples[k] for k in chosen]
