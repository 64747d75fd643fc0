"""What is drawn for the samples of a run on simulated hardware: thresholds, and how spikes leave."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.device import Hardware, Prepared, transmissions_of, with_thresholds
from eventsim.hardware.placement import delayed
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.kernels import draws
from eventsim.models.gradients.perturbation import Noise
from eventsim.network import Network
from eventsim.transmission import SpikeTransmission

__all__ = ["Batch"]

Floats = NDArray[np.float64]


class Batch:
    """The draws for some samples of a trial; for one sample it is the hardware of its simulation."""

    def __init__(
        self,
        device: Hardware | None,
        prepared: Prepared | None,
        network: Network,
        trial: int,
        numbers: NDArray[np.int64],
        until: float,
    ) -> None:
        self.device, self.network, self.numbers, self.until = device, network, numbers, until
        self.transmission_parameters: dict[str, TransmissionParameters] = {}
        self.shares: dict[str, Floats] = {}
        if device is not None and prepared is not None:
            trials = Trials(device.device_seed, device.seed, trial, numbers)
            self.transmission_parameters = prepared.transmission_parameters(network, trials)
            self.shares = prepared.threshold_shares(network, trials)
        self.late = {
            name: transmission.shifts(len(numbers))
            for name, transmission in self.transmission_parameters.items()
        }
        populations = network.populations.items()
        self.seen = [name for name, p in populations if p.record_spikes and not p.model.is_source]

    @property
    def shares_a_bus(self) -> bool:
        """Whether the spikes of a sample wait for each other."""
        return any(transmission.bus is not None for transmission in self.transmission_parameters.values())

    @property
    def is_ideal(self) -> bool:
        """Whether all samples run the network as it is."""
        return not self.transmission_parameters and not self.shares

    @property
    def thresholds(self) -> dict[str, Any]:
        """What all samples of the run have for thresholds."""
        found = {}
        for name, population in self.network.populations.items():
            model = population.model
            if not model.is_source:
                found[name] = model.v_th
                if name in self.shares and common(self.shares[name]):
                    v_th = np.asarray(model.v_th, np.float64)
                    found[name] = v_th + self.shares[name][0] * (v_th - model.v_leak)
        return found

    def noise(self) -> Noise | None:
        """Return the noise as layers take it, or None if there is none."""
        neurons = [
            name
            for name in self.transmission_parameters
            if not self.network.populations[name].model.is_source
        ]
        if not (neurons or self.shares):
            return None  # the ideal run, to the bit
        thresholds = {}
        for name, shares in self.shares.items():
            if not common(shares):
                model = self.network.populations[name].model
                thresholds[name] = shares * (np.asarray(model.v_th, np.float64) - model.v_leak)
        return Noise(
            thresholds=thresholds,
            spikes={name: self.late[name][0] for name in neurons},
            clocks={name: self.transmission_parameters[name].resolution for name in neurons},
        )

    def count(self, counters: dict[str, int], times: Floats, late: Floats, cut: NDArray[np.bool_]) -> None:
        """Count the spikes at some times that were lost, and that would have left too early."""
        for name, n in zip(("lost", "cut"), draws.lost_and_cut(times, late, cut, self.until), strict=True):
            if n:
                counters[name] = counters.get(name, 0) + n

    def arrivals(self, first: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return when first spikes arrive after their delay, by projection; nothing without a device."""
        if self.device is None:
            return {}
        found = {}
        for projection in self.network.projections:
            if delayed(projection) and projection.pre in first:
                delay = np.asarray(projection.delay, np.float64)
                times = first[projection.pre]
                if delay.ndim == 2 and delay.shape[1] > 1:
                    found[projection.name] = times[:, :, None] + delay
                elif delay.ndim == 2 or delay.size == 1:
                    found[projection.name] = times + delay.reshape(-1)
        return found

    def transform(self, network: Network, trial: int = 0) -> Network:
        """Return the network with the thresholds of this sample."""
        return with_thresholds(network, self.shares)

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, SpikeTransmission]:
        """Return the transmissions of this sample."""
        return transmissions_of(self.transmission_parameters, 0)


def common(shares: Floats) -> bool:
    """Return whether all samples have the same; a view of one row tells without a look at its values."""
    return shares.strides[0] == 0 or bool((shares == shares[:1]).all())
