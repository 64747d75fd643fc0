"""A target in this process: the simulator of a network on imperfect hardware."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hardware.chips.chip import Chip
from eventsim.hardware.device import Hardware, Prepared, transmissions_of, with_thresholds
from eventsim.hardware.placement import delayed
from eventsim.hardware.targets.target import Observed, Target, checked_inputs, checked_run
from eventsim.hardware.targets.work import first_slice
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.hardware_interface import checked_hardware
from eventsim.kernels import draws
from eventsim.models.gradients.first_spike.kernel import FirstSpikeForwardPass
from eventsim.models.gradients.network import CONSTANTS, FIXED
from eventsim.models.gradients.perturbation import Noise
from eventsim.models.gradients.spike_gradient import SpikeGradient
from eventsim.models.inputs.sources import SpikeSource
from eventsim.network import Network, is_continuous
from eventsim.population.transmission import SpikeTransmission
from eventsim.simulation import Simulation
from eventsim.spike_trains import SpikeTrains

__all__ = ["SimulatedTarget", "target_of"]

Floats = NDArray[np.float64]

SHORT, LONG = 0.02, 0.1  # seconds of a slice, between which its length stays
COUNT_SPIKES = 0.5  # seconds from one count of the spikes so far to the next


@runtime_checkable
class TransformsNetworks(Protocol):
    """What a simulated target needs of hardware."""

    def transform(self, network: Network) -> Network:
        """Return the network that the hardware runs."""


class SimulatedTarget:
    """Computes the spikes of a network on a chip; see `Target`.

    Feed-forward networks of neurons that spike at most once are computed by closed forms, a batch at a time;
    all others, and those whose spikes share a bus, event by event, sample by sample. Both draw the same
    numbers.

    Attributes
    ----------
    on_progress : callable, optional
        Called with the number of spikes so far, between the samples that are simulated event by event and
        several times a second within each; it may raise to end the run.

    Parameters
    ----------
    hardware : object or str, optional
        What changes the network and its spikes: a chip, a `Substrate` or a part, or its name as the option
        ``--hardware`` takes it.
    closed_forms : bool
        False simulates event by event in any case.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 1)
    >>> _ = net.add("cell", es.models.LIF(first_spike_only=True), 1)
    >>> _ = net.connect("input", "cell", weight=np.array([[3.0]]))
    >>> target = es.hardware.SimulatedTarget()
    >>> target.configure(net)
    {}
    >>> target.run({"input": [[0.2], [np.inf]]}, until=5.0, trial=0).first_spikes("cell")
    array([[0.81906129],
           [       inf]])
    """

    def __init__(self, hardware: Any = None, *, closed_forms: bool = True) -> None:
        self.hardware = checked_hardware(hardware, TransformsNetworks)
        self.closed_forms = closed_forms
        self.on_progress: Callable[[int], None] | None = None
        self._device: Hardware | None = self.hardware if isinstance(self.hardware, Hardware) else None
        self._nominal: Network | None = None  # as it was asked for
        self._network: Network | None = None  # as the hardware makes it
        self._layers: SpikeGradient | None = None  # of networks that closed forms take
        self._prepared: Prepared | None = None  # for networks of the structure last asked for
        self._asked: Any = None
        self._kind: Any = None

    def __repr__(self) -> str:
        return f"SimulatedTarget({'' if self.hardware is None else repr(self.hardware)})"

    def configure(self, network: Network) -> Mapping[str, int]:
        """Take a network as the hardware makes it; see `Target.configure`."""
        counters: Mapping[str, int] = {}
        network = nominal = as_it_is(network)
        if self._device is not None:
            asked = structure(network), scale(self._device, network)
            if asked != self._asked:
                self._prepared, self._asked = self._device.prepared(network), asked
            assert self._prepared is not None
            network, counters = self._prepared.written(network)
        elif self.hardware is not None:
            network = self.hardware.transform(network)
        kind = structure(network)
        before = self._network
        if (
            before is None
            or kind != self._kind
            or not (self._layers is not None and reloaded(self._layers, before, network))
        ):
            for name, population in network.populations.items():
                model = population.model
                if is_continuous(model) or (model.is_source and not isinstance(model, SpikeSource)):
                    raise ConfigError(
                        f"a target runs spiking neurons with a SpikeSource for their inputs, "
                        f"{name!r} is {type(model).__name__}"
                    )
            self._layers = None
            if self.closed_forms:
                with suppress(ConfigError):
                    self._layers = SpikeGradient(
                        own_thresholds(network), kernel="first-spike", time_constants=False
                    )
        self._nominal, self._network, self._kind = nominal, network, kind
        return dict(counters)

    def run(self, inputs: Mapping[str, Any], *, until: float, trial: int, first: int = 0) -> Observed:
        """Compute a batch; see `Target.run`."""
        network = self._network
        if network is None:
            raise ConfigError("the target has no network yet: call configure(network) first")
        until, trial, first = checked_run(until, trial, first)
        given, n_samples = checked_inputs(network, inputs)
        batch = _Batch(self._device, self._prepared, network, trial, first + np.arange(n_samples), until)
        # Whether closed forms do is decided for each sample alone, so that its spikes do not depend on
        # others.
        single = np.full(n_samples, self._layers is not None and not batch.shares_a_bus)
        for each in given.values():
            if not each.once:
                single &= each.counts().max(axis=1) <= 1
        if single.all():
            observed = self._computed(given, batch)
        elif self.on_progress is None and batch.is_ideal and not single.any():
            observed = self._simulated_in_place(given, batch)
        else:
            parts: list[Observed] = []
            for k in range(n_samples):
                sample = {name: each[k : k + 1] for name, each in given.items()}
                one = _Batch(self._device, self._prepared, network, trial, batch.numbers[k : k + 1], until)
                parts.append(self._computed(sample, one) if single[k] else self._simulated(sample, one))
            observed = Observed.joined(parts)
        if isinstance(self._device, Chip):
            assert self._nominal is not None
            seconds = self._device.cost(self._nominal, n_samples, until).hardware_seconds
            if first > 0:  # a further part of a batch, before which the chip does not wait once more
                seconds -= 1e-6 * self._device.wait_us
            observed = replace(observed, hardware_seconds=seconds)
        return observed

    def _computed(self, given: Mapping[str, SpikeTrains], batch: "_Batch") -> Observed:
        """Compute layers by their closed forms."""
        assert self._layers is not None
        times = {name: each.first_spikes() for name, each in given.items()}
        counters: dict[str, int] = {}
        noise = batch.noise()
        for name in times:
            if name in batch.transmission_parameters:
                late, cut = batch.late[name]
                batch.count(counters, times[name], late, cut)
                times[name] = times[name] + late
                clock = batch.transmission_parameters[name].resolution
                times[name] = draws.stamps(times[name], clock) if clock else times[name]
        for name, v_th in batch.thresholds.items():
            self._layers.parameters[f"v_th/{name}"][:] = v_th
        run = self._layers.forward(times, batch.until, noise, derivatives=False)
        if noise is not None:
            assert isinstance(run, FirstSpikeForwardPass)
            for name in noise.spikes:
                batch.count(counters, run.crossings(name), *batch.late[name])
        times = {name: run.first_spikes(name) for name in batch.network.populations}
        return Observed(
            {name: SpikeTrains.of_first(times[name]) for name in batch.seen}, batch.arrivals(times), counters
        )

    def _simulated_in_place(self, given: Mapping[str, SpikeTrains], batch: "_Batch") -> Observed:
        """Simulate samples event by event in one simulation, on hardware that draws nothing."""
        records = Simulation(without_spikes(batch.network)).run_batch(given, batch.until)
        trains = {
            name: records.spikes(name) for name, p in batch.network.populations.items() if p.record_spikes
        }
        first = {name: train.first_spikes() for name, train in trains.items()}
        return Observed({name: trains[name] for name in batch.seen}, batch.arrivals(first), {})

    def _simulated(self, given: Mapping[str, SpikeTrains], batch: "_Batch") -> Observed:
        """Simulate one sample event by event."""
        simulation = Simulation(without_spikes(batch.network), hardware=batch)
        for name, each in given.items():
            simulation.stimulate(name, each.times, each.units)
        run_in_slices(simulation, batch.network, batch.until, self.on_progress)
        sizes = {name: population.n for name, population in batch.network.populations.items()}
        trains = {
            name: SpikeTrains.of_lists([simulation.spikes(name)], sizes[name])
            for name, population in batch.network.populations.items()
            if population.record_spikes
        }
        first = {name: train.first_spikes() for name, train in trains.items()}
        counters = {name: count for name, count in simulation.counters().items() if count}
        return Observed({name: trains[name] for name in batch.seen}, batch.arrivals(first), counters)


class _Batch:
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


def as_it_is(network: Network) -> Network:
    """Return a network that does not change when populations and projections are added to the given one."""
    kept = copy.copy(network)
    kept.populations, kept.projections = dict(network.populations), list(network.projections)
    return kept


def run_in_slices(
    simulation: Simulation, network: Network, until: float, on_progress: Callable[[int], None] | None
) -> None:
    """Run a simulation, in slices if somebody wants to know how far it is; slices change no bit."""
    if on_progress is None:
        simulation.run(until)
        return
    step, counted = first_slice(network), time.monotonic()
    n_spikes = 0
    while simulation.now < until:
        begin = time.monotonic()
        simulation.run(min(max(simulation.now + step, math.nextafter(simulation.now, math.inf)), until))
        now = time.monotonic()
        if now - counted > COUNT_SPIKES:
            n_spikes, counted = sum(len(simulation.spikes(name)) for name in network.populations), now
        on_progress(n_spikes)
        step *= 2.0 if now - begin < SHORT else 0.5 if now - begin > LONG else 1.0


def own_thresholds(network: Network) -> Network:
    """Return the network with a threshold of its own for each neuron, for runs that change it."""
    neurons = {name: p for name, p in network.populations.items() if not p.model.is_source}
    return network.with_parameters(
        {name: {"v_th": np.full(p.n, 1.0) * p.model.v_th} for name, p in neurons.items()}
    )


def scale(device: Hardware, network: Network) -> float:
    """Return what the parts of a device depend on beside the structure of a network."""
    return device.scale(network) if isinstance(device, Chip) else 1.0


def structure(network: Network) -> Any:
    """Return what two networks have in common that differ in parameters only."""
    return (
        [(name, p.n, type(p.model), p.record_spikes) for name, p in network.populations.items()],
        [
            (p.name, p.pre, p.post, type(p.rule), *(getattr(v, "shape", ()) for v in (p.weight, p.delay)))
            for p in network.projections
        ],
    )


def reloaded(layers: SpikeGradient, known: Network, network: Network) -> bool:
    """Load the parameters of a network of the known one's structure; return whether that was possible."""
    for name, population in network.populations.items():
        if population.model.is_source:
            continue
        for key in FIXED:
            if not np.array_equal(
                getattr(known.populations[name].model, key), getattr(population.model, key)
            ):
                return False
        for key in CONSTANTS:
            parameter = layers.parameters[f"{key}/{name}"]
            value = np.asarray(getattr(population.model, key), np.float64).reshape(-1)
            if value.size not in (1, parameter.size):
                return False
            parameter[:] = value
    for projection in network.projections:
        for kind in ("weight", "delay"):
            parameter = layers.parameters[f"{kind}/{projection.name}"]
            value = getattr(projection, kind)
            if not isinstance(value, float | np.ndarray):
                return False
            parameter[:] = value
    return True


def without_spikes(network: Network) -> Network:
    """Return a network whose sources spike only when they are stimulated."""
    sources = [name for name, p in network.populations.items() if isinstance(p.model, SpikeSource)]
    return network.with_parameters(dict.fromkeys(sources, SpikeSource()))


def target_of(hardware: Any) -> Target:
    """Return the target of hardware: the one that its method `target()` makes, else a simulated one."""
    own = getattr(hardware, "target", None)
    return own() if callable(own) else SimulatedTarget(hardware)
