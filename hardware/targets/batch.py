"""What is drawn for the samples of a run on simulated hardware: thresholds, and how spikes leave."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.hardware.device import (
    Hardware,
    Prepared,
    moved_thresholds,
    transmissions_of,
    with_thresholds,
)
from eventsim.hardware.placement import delayed
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.kernels import draws
from eventsim.models.gradients.perturbation import Noise
from eventsim.network.network import Network
from eventsim.population.transmission import SpikeTransmission
from eventsim.simulation.changes import ChangeableModel

__all__ = ["Batch"]

Floats = NDArray[np.float64]


class Batch:
    """The draws for some samples of a trial, and the hardware of the simulation that runs them one by one."""

    def __init__(
        self,
        device: Hardware | None,
        prepared: Prepared | None,
        network: Network,
        trial: int,
        numbers: NDArray[np.int64],
        until: float,
    ) -> None:
        self.device, self.prepared, self.trial = device, prepared, trial
        self.network, self.numbers, self.until = network, numbers, until
        self.transmission_parameters: dict[str, TransmissionParameters] = {}
        self.shares: dict[str, Floats] = {}
        self.alike: set[str] = set()  # populations whose thresholds are those of all samples
        if device is not None and prepared is not None:
            trials = Trials(device.device_seed, device.seed, trial, numbers)
            self.transmission_parameters = prepared.transmission_parameters(network, trials)
            # One more, so that whether samples differ does not depend on how many are asked for.
            more = replace(trials, samples=np.append(numbers, numbers[-1] ^ 1))
            shares = prepared.threshold_shares(network, more)
            self.alike = {name for name, share in shares.items() if common(share)}
            self.shares = {name: share[:-1] for name, share in shares.items()}
        self.late = {
            name: transmission.shifts(len(numbers))
            for name, transmission in self.transmission_parameters.items()
        }
        populations = network.populations.items()
        self.seen = [name for name, p in populations if p.record_spikes and not p.model.is_source]

    def of(self, which: ArrayLike) -> "Batch":
        """Return the draws for some of the samples, given by their place."""
        numbers = self.numbers[np.asarray(which)]
        return Batch(self.device, self.prepared, self.network, self.trial, numbers, self.until)

    @property
    def shares_a_bus(self) -> bool:
        """Whether the spikes of a sample wait for each other."""
        return any(transmission.bus is not None for transmission in self.transmission_parameters.values())

    @property
    def thresholds(self) -> dict[str, Any]:
        """What all samples of the run have for thresholds."""
        found = {}
        for name, population in self.network.populations.items():
            model = population.model
            if not model.is_source:
                found[name] = model.v_th
                if name in self.alike:
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
            if name not in self.alike:
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
        """Return the network with the thresholds of the first sample."""
        return with_thresholds(network, self.shares)

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, SpikeTransmission]:
        """Return the transmissions of the first sample."""
        return transmissions_of(self.transmission_parameters, 0)

    def begin_sample(self, populations: Mapping[str, Any], sample: int) -> None:
        """Write the thresholds of a sample, and the keys that its spikes draw from, into populations."""
        for name, parameters in self.transmission_parameters.items():
            keys = parameters.jitter_keys, parameters.loss_keys
            populations[name].transmission.draw_from(
                *(None if each is None else each[sample] for each in keys)
            )
        for name, (values, v_th, safe) in self._own_thresholds.items():
            if not safe:  # what does not do is refused as where the sample is simulated by itself
                self.network.with_parameters({name: {"v_th": v_th[sample]}})
            population = populations[name]
            if hasattr(population, "set_thresholds"):
                population.set_thresholds(v_th[sample])
            else:
                population.set_parameters({**values, "v_th": v_th[sample]})

    @property
    def in_place(self) -> bool:
        """Whether one simulation can run all samples, with other thresholds for each where these differ."""
        models = [self.network.populations[name].model for name in self.shares.keys() - self.alike]
        return all(isinstance(each, ChangeableModel) and "v_th" in each.changeable for each in models)

    @cached_property
    def _own_thresholds(self) -> dict[str, tuple[Mapping[str, Any], Floats, bool]]:
        """By population whose thresholds differ: its parameters, thresholds by sample, whether all do."""
        found = {}
        for name, share in self.shares.items():
            if name in self.alike:
                continue  # the network has them
            population = self.network.populations[name]
            v_th = moved_thresholds(population.model, share)
            lowest, safe = v_th.min(axis=0), True  # whatever may be wrong with one is wrong with this
            try:
                replace(population.model, v_th=lowest).check(population.n, name)
            except ValueError:
                safe = False
            values = with_thresholds(self.network, {name: share}).populations[name].model
            found[name] = values.parameters(population.n, name), v_th, safe
        return found


def common(shares: Floats) -> bool:
    """Return whether all samples have the same; a view of one row tells without a look at its values."""
    return shares.strides[0] == 0 or bool((shares == shares[:1]).all())
