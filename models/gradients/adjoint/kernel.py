"""The adjoint pass as a kernel of `SpikeGradient`: any neuron that gives its flow; see `_passes.pyx`."""

import math
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.io.plain import real_array
from eventsim.models.gradients._probes import sorted_probes
from eventsim.models.gradients.adjoint._passes import EventAdjoint
from eventsim.models.gradients.adjoint._tape import EventTape
from eventsim.models.gradients.adjoint._workspace import Sums, WorkSpace
from eventsim.models.gradients.forward_pass import Gradient
from eventsim.models.gradients.network import Settings, SpikeNetwork
from eventsim.models.gradients.perturbation import Noise
from eventsim.models.gradients.taped_pass import TapedForwardPass
from eventsim.models.threads import Threads
from eventsim.network.topological_sort import topological_sort
from eventsim.spike_trains import SpikeTrains

__all__ = ["AdjointForwardPass", "AdjointKernel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 32  # samples whose derivatives are summed together, at most
PIECES = 8  # and fewer for a batch of less than so many of them; whatever the number of threads


class AdjointForwardPass(TapedForwardPass):
    """Spikes and events on tapes, some hundred bytes an event of a unit, arrivals included."""

    kernel: "AdjointKernel"

    def __init__(
        self,
        kernel: "AdjointKernel",
        tapes: list[EventTape],
        n_samples: int,
        until: float,
        given: Mapping[str, SpikeTrains],
        probes: Mapping[str, tuple[slice, int]],
    ) -> None:
        super().__init__(kernel, kernel.network, tapes, n_samples, until, given)
        self.parameters = kernel.loaded
        self._probes = probes  # places of its readings among all of a sample, and their number of times

    def maxima(self, population: str) -> tuple[Floats, Floats]:
        """Raise ValueError: this kernel keeps no maxima."""
        self._number(population)
        raise ValueError(
            f"membrane maxima of {population!r} are kept by kernel='eventprop', not by 'adjoint'"
        )

    def membranes(self, population: str) -> Floats:
        """Return the membranes that were read, shape (n_samples, n_times, n); nan where a time is inf."""
        if population not in self._probes:
            return super().membranes(population)
        return np.concatenate([self._readings(tape, tape.readings, population) for tape in self._tapes])

    def backward(
        self,
        errors: Mapping[str, Any],
        wanted: Collection[str] | None = None,
        membranes: Mapping[str, Any] = MappingProxyType({}),
    ) -> Gradient:
        """Differentiate a loss; see `SpikeGradient.backward`."""
        for tape in self._tapes:
            tape.reading_errors[:] = 0.0
        for name, value in membranes.items():
            expected = self.membranes(name)
            given = real_array(value, f"errors of membranes of {name!r}")
            if given.shape != expected.shape:
                raise ValueError(
                    f"errors of membranes of {name!r} have shape {given.shape}, expected {expected.shape}"
                )
            given = np.where(np.isnan(expected), 0.0, given)
            if not np.isfinite(given).all():
                raise ValueError(
                    f"errors of membranes of {name!r} must be finite, got {given[~np.isfinite(given)][0]}"
                )
            for low, tape in self._pieces():
                self._readings(tape, tape.reading_errors, name)[...] = given[low : low + tape.n_samples]
        return super().backward(errors, wanted)

    def _readings(self, tape: EventTape, values: Floats, population: str) -> Floats:
        """Return a view of what a tape holds of the readings of a population, (n_samples, n_times, n)."""
        places, n_times = self._probes[population]
        of_population = values.reshape(tape.n_samples, -1)[:, places]
        return of_population.reshape(tape.n_samples, -1, n_times).transpose(0, 2, 1)

    def errors(self, population: str, sample: int) -> Floats:
        """Return dL/dT of each spike of a population in one sample."""
        tape, k = self._at(sample)
        found: Floats = tape.errors(self._number(population), k)
        return found

    def _add_first_errors(self, population: str, errors: Floats) -> None:
        if self._is_readout(population):
            self.maxima(population)
        for low, tape in self._pieces():
            tape.add_first_errors(self._number(population), errors[low : low + tape.n_samples])

    def _add_spike_errors(self, population: str, sample: int, errors: Floats) -> None:
        tape, k = self._at(sample)
        tape.add_errors(self._number(population), k, errors)


class AdjointKernel:
    """Runs a network forward and back, chunks of samples in several threads.

    Raises
    ------
    ConfigError
        If a population gives no derivatives.
    """

    def __init__(self, network: SpikeNetwork, settings: Settings) -> None:
        self.network, self.threads = network, settings.threads
        self.with_parameters = settings.time_constants
        self._numbers = network.numbers
        self._units = network.flows
        groups: list[Any] = []
        for name in network.names:
            unit = self._units.get(name)
            groups.append(
                (network.size(name), None, None)
                if unit is None
                else (network.size(name), unit.flow, np.ascontiguousarray(unit.x))
            )
        links, self._slots, start = [], {}, 0
        for p in network.pathways:
            order = np.argsort(p.source, kind="stable")
            row = np.zeros(p.n_pre + 1, np.int32)
            np.cumsum(np.bincount(p.source, minlength=p.n_pre), out=row[1:])
            target = np.ascontiguousarray(p.target[order])
            synapse = np.ascontiguousarray(start + order, np.int32)
            links.append((self._numbers[p.pre], self._numbers[p.post], p.receptor, row, target, synapse))
            self._slots[p.name] = slice(start, start + p.n_synapses)
            start += p.n_synapses
        if start >= 2**31:
            raise ConfigError(
                f"the network has more than {2**31 - 1} synapses, too many for the adjoint pass"
            )
        self._adjoint = EventAdjoint(groups, links, start, self.with_parameters)
        self._adjoint.max_dw_norm = settings.max_dw_norm
        self._adjoint.max_slope_inverse = settings.max_slope_inverse
        self._adjoint.max_spikes = settings.max_spikes
        first, total = {}, 0
        for name in network.neurons:
            first[name] = total
            total += network.size(name)
        self._owners = np.concatenate(
            [first[p.post] + p.target for p in network.pathways] or [np.zeros(0, np.int64)]
        )
        self.loaded: dict[str, Floats] = {}
        self._shortest = math.inf
        self._pool = Threads(self.threads, "spike-gradient") if self.threads > 1 else None
        self._prepare()

    def _prepare(self) -> None:
        """Make work space for all threads; a forked process cannot wait for what other threads held."""
        self._process = os.getpid()
        self._spaces: SimpleQueue[WorkSpace] = SimpleQueue()
        for _ in range(self.threads):
            self._spaces.put(self._adjoint.space())

    def refusal(self, given: Mapping[str, SpikeTrains], deviates: bool) -> str:
        """Return why this kernel cannot run these inputs, "" if it can."""
        if not deviates:
            return ""
        layers = "needs a feed-forward network of LIF(first_spike_only=True) that starts at rest"
        return f"a run with noise, or of observed times, {layers}"

    def load(self) -> None:
        """Copy the parameters into the passes if they have changed.

        Raises
        ------
        ValueError
            If a parameter is invalid.
        ConfigError
            If populations reach each other in a circle without delay.
        """
        network = self.network
        if network.holds(self.loaded):
            return
        network.check()
        self.loaded = {}  # if what follows fails, the next call does it anew
        none = [np.zeros(0)]
        weights = np.concatenate([p.weight.reshape(-1) for p in network.pathways] or none)
        delays = np.concatenate([p.delays() for p in network.pathways] or none)
        self._adjoint.set_synapses(weights, delays, self._owners)
        for k, p in enumerate(network.pathways):
            least, most = (float(p.delay.min()), float(p.delay.max())) if p.n_synapses else (math.inf, 0.0)
            self._adjoint.set_delays(k, least, most)
        for name, unit in self._units.items():
            values = {
                key: network.parameters[f"{key}/{name}"]
                for key in unit.derived
                if f"{key}/{name}" in network.parameters
            }
            t_ref = np.array(unit.t_ref, np.float64).reshape(-1)
            self._adjoint.set_units(self._numbers[name], unit.rows(values), t_ref)
        self._set_order()
        self.loaded = {key: value.copy() for key, value in network.parameters.items()}

    def _set_order(self) -> None:
        network = self.network
        reached = {name: {p.post for p in network.pathways if p.pre == name} for name in network.neurons}
        for name in network.neurons:  # transitive closure
            for other in network.neurons:
                if name in reached[other]:
                    reached[other] |= reached[name]
        instant, shortest = [], math.inf
        for p in network.pathways:
            if p.pre not in reached or not p.n_synapses:
                continue
            least = float(p.delay.min())
            if p.pre in reached[p.post] and least > 0:
                shortest = min(shortest, least)
            else:
                instant.append((p.pre, p.post))
        self._adjoint.set_order([self._numbers[name] for name in topological_sort(network.neurons, instant)])
        # A bit less than the delay, so that rounding lets no spike arrive in the window it was emitted in.
        self._shortest = (1 - 1e-9) * shortest

    def forward(
        self,
        given: Mapping[str, SpikeTrains],
        n_samples: int,
        until: float,
        noise: Noise | None = None,
        probes: Mapping[str, Floats] = MappingProxyType({}),
    ) -> AdjointForwardPass:
        """Compute all spikes in [0, until), and membranes at times that `checked_probes` returned."""
        self.load()
        if not math.isfinite(until):
            if math.isfinite(self._shortest):
                raise ConfigError("a network with loops needs a finite `until`")
            for name, unit in self._units.items():
                if not unit.flow.closed:
                    raise ConfigError(f"{name!r} is followed by a solver, which needs a finite `until`")
        width = self._shortest if math.isfinite(self._shortest) else math.inf
        n_windows = max(1, math.ceil(until / width)) if math.isfinite(width) else 1
        self._adjoint.set_inputs(
            {self._numbers[name]: (g.times, g.units.astype(np.int32), g.starts) for name, g in given.items()}
        )
        first, n_probes = self._adjoint.set_probes(
            {self._numbers[name]: sorted_probes(times) for name, times in probes.items()}
        )
        places = {}
        for name, times in probes.items():
            low, n_times = first[self._numbers[name]], times.shape[1]
            places[name] = slice(low, low + n_times * self.network.size(name)), n_times
        chunk = min(CHUNK, -(-n_samples // PIECES))
        tapes = [
            EventTape(
                min(chunk, n_samples - low),
                len(self.network.names),
                self._adjoint.n_units,
                until,
                width,
                n_windows,
                n_probes,
            )
            for low in range(0, n_samples, chunk)
        ]

        def forward(k: int) -> None:
            space = self._spaces.get()
            try:
                self._adjoint.forward(space, tapes[k], k * chunk)
            finally:
                self._spaces.put(space)

        for _ in self._each(forward, len(tapes)):
            pass
        return AdjointForwardPass(self, tapes, n_samples, until, given, places)

    def backward(self, run: AdjointForwardPass, errors: Mapping[str, Any]) -> Gradient:
        """Run the adjoint pass from the errors of spikes."""
        self.load()
        if run.parameters is not self.loaded and not self.network.holds(run.parameters):
            raise ValueError("parameters have changed since the forward pass; run it again")
        run.clear_errors()
        for name, value in errors.items():
            run._put_errors(name, value)

        def backward(k: int) -> Sums:
            space, sums = self._spaces.get(), self._adjoint.sums()
            try:
                self._adjoint.backward(space, run._tapes[k], sums)
            finally:
                self._spaces.put(space)
            return sums

        total: Sums | None = None
        for sums in self._each(backward, len(run._tapes)):
            if total is None:
                total = sums
            else:
                total.add(sums)
        assert total is not None
        if not total.finite():
            raise OverflowError(
                "derivatives overflow: the network amplifies small changes from spike to spike; "
                "run it for a shorter time, with weaker loops, or limit max_slope_inverse"
            )
        return self._gradient(run, total)

    def _each(self, work: Callable[[int], Any], n: int) -> Iterator[Any]:
        """Yield work(0), ..., work(n - 1) in this order; a few of them are computed ahead."""
        if self._process != os.getpid():
            self._prepare()
        if self._pool is None:
            yield from map(work, range(n))
            return
        waiting: deque[Future[Any]] = deque()
        try:
            for k in range(n):
                if len(waiting) >= 2 * self.threads:
                    yield waiting.popleft().result()
                waiting.append(self._pool.submit(work, k))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _gradient(self, run: AdjointForwardPass, total: Sums) -> Gradient:
        network = self.network
        weight, delay, units = {}, {}, {}
        for p in network.pathways:
            weight[p.name] = total.weights[self._slots[p.name]].reshape(p.weight.shape)
            delay[p.name] = p.reduced(total.delays[self._slots[p.name]])
        if self.with_parameters:
            for name, unit in self._units.items():
                low, n = self._adjoint.first_parameters[self._numbers[name]], network.size(name)
                each = total.parameters[low : low + n * len(unit.derived)].reshape(n, -1)
                for column, key in enumerate(unit.derived):
                    if f"{key}/{name}" in network.parameters:
                        one = len(network.parameters[f"{key}/{name}"]) == 1
                        value = each[:, column]
                        units[f"{key}/{name}"] = np.array([value.sum()]) if one else value.copy()
        return Gradient.of(weight, delay, units, run.input_errors())
