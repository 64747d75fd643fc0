"""How the spikes of a population are transmitted, which parts fill in, and the trials they draw for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.placement import base_key
from eventsim.kernels import draws
from eventsim.parameters import whole_number
from eventsim.population.transmission import Bus, SpikeTransmission

__all__ = ["TransmissionParameters", "Trials"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

MOST_TRIALS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Trials:
    """The samples of a run that something is drawn for.

    Attributes
    ----------
    device_seed, seed : seeds of the device and of the runs on it.
    trial : number of the run.
    samples : numbers of the samples within it, shape (n_samples,).
    """

    device_seed: int
    seed: int
    trial: int
    samples: Ints

    def __post_init__(self) -> None:
        whole_number(self.device_seed, "device_seed")
        whole_number(self.seed, "seed")
        whole_number(self.trial, "trial", 0, MOST_TRIALS)

    def keys(self, part: str, what: str, places: Ints) -> Keys:
        """Return the keys that a part draws from for each sample and place, shape (n_samples, n)."""
        run = draws.keys(base_key(self.device_seed, part, what, self.seed), self.trial)
        return draws.keys(draws.keys(run, self.samples)[:, None], places[None, :])

    def run_keys(self, part: str, what: str, places: Ints) -> Keys:
        """Return the keys of draws that all samples of a run share, shape (n,)."""
        run = draws.keys(base_key(self.device_seed, part, what, self.seed), self.trial)
        return draws.keys(draws.keys(run, 2**62), places)


@dataclass(slots=True)
class TransmissionParameters:
    """How the spikes of one population are transmitted, in the network's time unit; parts fill it in.

    Attributes
    ----------
    population, is_source, places : whose spikes, and the circuits (or input lines) they come from, shape
        (n,).
    latency, jitter : mean and standard deviation of how late, shape (n,).
    probability : that a spike is transmitted, and not lost, shape (n,).
    jitter_keys, loss_keys : by sample, shape (n_samples, n).
    resolution : period of the clock, 0 for none.
    bus : (rate, capacity) of the bus that all populations share, or None.
    """

    population: str
    is_source: bool
    places: Ints
    latency: Floats
    jitter: Floats
    probability: Floats
    jitter_keys: Keys | None = None
    loss_keys: Keys | None = None
    resolution: float = 0.0
    bus: tuple[float, int] | None = None

    @classmethod
    def of(cls, population: str, is_source: bool, places: Ints) -> "TransmissionParameters":
        """Return one that changes nothing."""
        n = len(places)
        return cls(population, is_source, places, np.zeros(n), np.zeros(n), np.ones(n))

    @property
    def changes(self) -> bool:
        """Whether anything happens to spikes at all."""
        return bool(
            self.latency.any()
            or self.jitter.any()
            or (self.probability < 1).any()
            or self.resolution
            or self.bus is not None
        )

    def for_sample(self, sample: int, bus: Bus | None) -> SpikeTransmission:
        """Return the transmission of the population in one sample."""
        return SpikeTransmission(
            len(self.places),
            self.latency,
            self.jitter,
            0 if self.jitter_keys is None else self.jitter_keys[sample],
            1.0 - self.probability,
            0 if self.loss_keys is None else self.loss_keys[sample],
            self.resolution,
            bus,
        )

    def shifts(self, n_samples: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Return how late the first spike of each unit is, `inf` if it is lost, and where it would be early.

        Both arrays have shape (n_samples, n). A spike that would be early comes with its crossing.
        """
        if self.jitter_keys is not None:
            late, cut = draws.lateness(self.jitter_keys, self.latency, self.jitter)
        else:
            late = np.array(np.broadcast_to(self.latency, (n_samples, len(self.places))))
            cut = late < 0
            late[cut] = 0.0
        if self.loss_keys is not None:
            late[draws.uniforms(self.loss_keys) < 1.0 - self.probability] = np.inf
        return late, cut
