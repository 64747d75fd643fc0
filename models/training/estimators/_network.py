"""What a classifier adds to its samples: a clock, complementary inputs, a bias, and the network."""

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

__all__ = ["Clock", "classifier_network", "selected"]

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
    turn : tau_syn; the complement of a spike at t is at `turn` - t. nan for no complementary inputs.
    n_spikes : how many spikes a sample has on average, those of complementary inputs included.
    first, last : times of the first and the last spike of the training samples, on their clock.
    """

    origin: float
    unit: float
    turn: float
    n_spikes: float
    first: float = 0.0  # files of earlier versions do not tell them
    last: float = np.inf

    @classmethod
    def of_samples(
        cls, samples: Samples, latest: float, tau_syn: float | None, complementary: bool
    ) -> "Clock":
        """Return a clock on which the spikes of the samples lie between `EARLY` and `latest`.

        Raises
        ------
        ValueError
            If there are no spikes.
        """
        times = samples if isinstance(samples, np.ndarray) else np.concatenate([t for t, _ in samples])
        spikes = times[times < np.inf]
        if not spikes.size:
            raise ValueError("no input spikes in any sample: all times are inf")
        first, last = float(spikes.min()), float(spikes.max())
        if tau_syn is None:
            unit = (last - first) / (latest - EARLY) if last > first else 1.0
            origin = first - EARLY * unit
        else:
            unit, origin = float(tau_syn), 0.0
        turn = (first - origin) / unit + (last - origin) / unit
        complementary &= isinstance(samples, np.ndarray)
        n_spikes = spikes.size / len(samples) * (2 if complementary else 1)
        return cls(origin, unit, turn if complementary else np.nan, n_spikes, first, last)

    def to_samples(self, times: Floats) -> Floats:
        """Return times of the network on the clock of the samples."""
        moved: Floats = self.origin + self.unit * times
        return moved

    def clipped(self, samples: Samples, outside: str) -> tuple[Samples, int]:
        """Return samples within the range of the training samples, and how many times were moved there.

        Raises
        ------
        ValueError
            If `outside` is "error" and a time lies outside of that range.
        """
        if isinstance(samples, np.ndarray):
            wrong = (samples < self.first) | ((samples > self.last) & (samples < np.inf))
            if not wrong.any():
                return samples, 0
            if outside == "error":
                sample, unit = (int(k) for k in np.argwhere(wrong)[0])
                self._refuse(float(samples[sample, unit]), sample, unit)
            moved = np.where(wrong, np.clip(samples, self.first, self.last), samples)
            return moved, int(wrong.sum())
        count, pairs = 0, []
        for sample, (times, units) in enumerate(samples):
            wrong = (times < self.first) | (times > self.last)
            if wrong.any() and outside == "error":
                k = int(wrong.argmax())
                self._refuse(float(times[k]), sample, int(units[k]))
            count += int(wrong.sum())
            pairs.append((np.clip(times, self.first, self.last), units))
        return pairs, count

    def _refuse(self, time: float, sample: int, unit: int) -> None:
        raise ValueError(
            f"times must lie in the range of the training samples, {self.first:g} to {self.last:g}, "
            f"got {time!r} in sample {sample}, unit {unit}; outside='clip' takes its ends"
        )

    def spikes(self, samples: Samples) -> NDArray[Any]:
        """Return the spikes of the inputs in each sample; spikes before time 0 are put there.

        Shape (n_samples, n_inputs) of first spikes, or (n_samples,) of pairs (times, units).
        """
        if not isinstance(samples, np.ndarray):
            pairs = np.empty(len(samples), object)
            pairs[:] = [(np.maximum((t - self.origin) / self.unit, 0.0), u) for t, u in samples]
            return pairs
        times = np.maximum((samples - self.origin) / self.unit, 0.0)
        if not np.isnan(self.turn):
            complement = np.where(times < np.inf, np.maximum(self.turn - times, 0.0), np.inf)
            times = np.concatenate([times, complement], axis=1)
        return times

    def inputs(self, spikes: NDArray[Any]) -> dict[str, Any]:
        """Return the spikes of each source, from those of the inputs."""
        if spikes.dtype == object:
            return {"input": list(spikes), "bias": [([BIAS], [0])]}
        return {"input": spikes, "bias": np.array([[BIAS]])}


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
    below, n_below, n_expected = "input", n_inputs, n_spikes
    names = [*(f"hidden{k + 1}" for k in range(len(hidden))), "label"]
    for name, n in zip(names, (*hidden, n_classes), strict=True):
        net.add(name, neuron, n)
        expected = n_expected + 1
        for source, m in ((below, n_below), ("bias", 1)):
            stream = rng.stream(seed, "parameters", source, name)
            weight = stream.normal(4.0 / expected, 2.0 / np.sqrt(expected), (m, n))
            shape = {"axonal": (m, 1), "dendritic": (1, n)}.get(delays, (m, n))
            drawn = Sigmoid().value(stream.normal(0.0, DELAY_SPREAD, shape))
            net.connect(source, name, weight=weight, delay=0.0 if delays == "none" else drawn)
        below, n_below, n_expected = name, n, float(n)
    return net


def selected(samples: Samples, chosen: NDArray[np.int64]) -> Samples:
    """Return some of the samples."""
    if isinstance(samples, np.ndarray):
        part: Floats = samples[chosen]
        return part
    return [samples[k] for k in chosen]
