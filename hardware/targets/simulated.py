"""A target in this process: the simulator of a network on imperfect hardware."""

import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hardware.chips.chip import Chip
from eventsim.hardware.device import Hardware, Prepared
from eventsim.hardware.targets.batch import Batch
from eventsim.hardware.targets.target import Observed, Target, checked_inputs, checked_run
from eventsim.hardware.targets.work import first_slice
from eventsim.hardware_interface import checked_hardware
from eventsim.kernels import draws
from eventsim.models.gradients.first_spike.kernel import FirstSpikeForwardPass
from eventsim.models.gradients.network import CONSTANTS, FIXED
from eventsim.models.gradients.spike_gradient import SpikeGradient
from eventsim.models.inputs.sources import SpikeSource
from eventsim.network import Network, is_continuous
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
        batch = Batch(self._device, self._prepared, network, trial, first + np.arange(n_samples), until)
        # Whether closed forms do is decided for each sample alone, so that its spikes do not depend on
        # others.
        single = np.full(n_samples, self._layers is not None and not batch.shares_a_bus)
        for each in given.values():
            if not each.once:
                single &= each.counts().max(axis=1) <= 1
        parts: list[tuple[NDArray[np.int64], Observed]] = []
        for by_closed_forms, run in ((True, self._computed), (False, self._simulated)):
            which = np.flatnonzero(single == by_closed_forms)
            if len(which) == n_samples:
                parts = [(which, run(given, batch))]
            elif len(which):
                some = {name: each.select(which) for name, each in given.items()}
                parts.append((which, run(some, batch.of(which))))
        observed = in_order(parts)
        if isinstance(self._device, Chip):
            assert self._nominal is not None
            seconds = self._device.cost(self._nominal, n_samples, until).hardware_seconds
            if first > 0:  # a further part of a batch, before which the chip does not wait once more
                seconds -= 1e-6 * self._device.wait_us
            observed = replace(observed, hardware_seconds=seconds)
        return observed

    def _computed(self, given: Mapping[str, SpikeTrains], batch: Batch) -> Observed:
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

    def _simulated(self, given: Mapping[str, SpikeTrains], batch: Batch) -> Observed:
        """Simulate samples event by event, in one simulation that is set back between them."""
        if not batch.in_place and len(batch.numbers) > 1:
            alone = [
                self._simulated({name: each[k : k + 1] for name, each in given.items()}, batch.of([k]))
                for k in range(len(batch.numbers))
            ]
            return Observed.joined(alone)
        network, counters = batch.network, Counter[str]()
        simulation = Simulation(without_spikes(network), hardware=batch)
        watched = self.on_progress is not None

        def run_watched(simulation: Simulation, sample: int) -> None:
            run_in_slices(simulation, network, batch.until, self.on_progress)

        def count(simulation: Simulation, sample: int) -> None:
            counters.update(simulation.counters())

        records = simulation.run_batch(
            given, batch.until, prepare=run_watched if watched else None, after=count
        )
        trains = {name: records.spikes(name) for name, p in network.populations.items() if p.record_spikes}
        first = {name: train.first_spikes() for name, train in trains.items()}
        return Observed(
            {name: trains[name] for name in batch.seen},
            batch.arrivals(first),
            {name: count for name, count in counters.items() if count},
        )


def in_order(parts: Sequence[tuple[NDArray[np.int64], Observed]]) -> Observed:
    """Return the observation of a batch from its parts, each with the places of its samples."""
    if len(parts) == 1:
        return parts[0][1]
    counters = Counter[str]()
    alone: dict[int, Observed] = {}
    for which, observed in parts:
        counters.update(observed.counters)
        for k, sample in enumerate(which):
            alone[int(sample)] = Observed(
                {name: each[k : k + 1] for name, each in observed.spikes.items()},
                {name: times[k : k + 1] for name, times in observed.arrivals.items()},
            )
    return replace(Observed.joined([alone[k] for k in sorted(alone)]), counters=dict(counters))


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
