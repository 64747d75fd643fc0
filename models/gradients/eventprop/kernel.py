"""EventProp as a kernel of `SpikeGradient`: any network of LIF neurons, any number of spikes."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.gradients.eventprop._tape import Gradients, Tape
from eventsim.models.gradients.eventprop._workspace import Workspace
from eventsim.models.gradients.eventprop.network import EventPropNetwork
from eventsim.models.gradients.forward_pass import Gradient
from eventsim.models.gradients.network import CONSTANTS, Settings, SpikeNetwork
from eventsim.models.gradients.perturbation import Noise
from eventsim.models.gradients.taped_pass import TapedForwardPass
from eventsim.models.threads import Threads
from eventsim.spike_trains import SpikeTrains

__all__ = ["EventPropForwardPass", "EventPropKernel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 32  # samples whose derivatives are summed together, at most
PIECES = 8  # and fewer for a batch of less than so many of them; whatever the number of threads


class EventPropForwardPass(TapedForwardPass):
    """Spikes on the tapes of EventProp: 48 bytes a spike, inputs included, and 8 more for a backward pass.

    Arrivals take none.
    """

    kernel: "EventPropKernel"

    def __init__(
        self,
        kernel: "EventPropKernel",
        tapes: list[Tape],
        n_samples: int,
        until: float,
        given: Mapping[str, SpikeTrains],
    ) -> None:
        super().__init__(kernel, kernel.network, tapes, n_samples, until, given)
        self.parameters = kernel.eventprop_network.loaded

    def maxima(self, population: str) -> tuple[Floats, Floats]:
        """Return membrane maxima and their times, both (n_samples, n)."""
        first = self._first_maximum(population)
        if first < 0:
            raise ValueError(f"{population!r} has a threshold; membrane maxima are kept for v_th = inf")
        values, times = np.zeros((2, self.n_samples, self._size(population)))
        for low, tape in self._pieces():
            at = slice(low, low + tape.n_samples)
            tape.maxima(first, values[at], times[at])
        return values, times

    def errors(self, population: str, sample: int) -> Floats:
        """Return dL/dT of each spike of a population in one sample."""
        tape, k = self._at(sample)
        found: Floats = tape.errors[self._slice(tape, population, k)].copy()
        return found

    def _add_first_errors(self, population: str, errors: Floats) -> None:
        number, maximum = self._number(population), self._first_maximum(population)
        for low, tape in self._pieces():
            if maximum >= 0:
                tape.add_maximum_errors(maximum, errors[low : low + tape.n_samples])
            else:
                tape.add_first_errors(number, errors[low : low + tape.n_samples])

    def _add_spike_errors(self, population: str, sample: int, errors: Floats) -> None:
        tape, k = self._at(sample)
        tape.errors[self._slice(tape, population, k)] += errors

    def _first_maximum(self, population: str) -> int:
        """Return where the membrane maxima of a population begin in a sample, -1 if it can spike."""
        return self.kernel.eventprop_network.eventprop.readout(self._number(population))

    def _slice(self, tape: Tape, population: str, k: int) -> slice:
        at = k * tape.n_populations + self._number(population)
        starts = tape.starts
        return slice(int(starts[at]), int(starts[at + 1]))


class EventPropKernel:
    """Runs a network forward and back, chunks of samples in several threads; see `_passes.pyx`."""

    def __init__(self, network: SpikeNetwork, settings: Settings) -> None:
        self.network, self.threads = network, settings.threads
        self.time_constants = settings.time_constants
        self.eventprop_network = EventPropNetwork(network, settings.time_constants, settings.form)
        self._eventprop = self.eventprop_network.eventprop
        self._eventprop.max_dw_norm = settings.max_dw_norm
        if settings.max_dw_norm < np.inf:
            self._eventprop.set_owners(self.eventprop_network.owners())
        self._eventprop.max_slope_inverse = settings.max_slope_inverse
        self._eventprop.max_spikes = settings.max_spikes
        threads = settings.threads
        self._pool = Threads(threads, "spike-gradient") if threads > 1 else None
        self._prepare()

    def _prepare(self) -> None:
        """Make work space for all threads; a forked process cannot wait for what other threads held."""
        self._process = os.getpid()
        self._spaces: SimpleQueue[Workspace] = SimpleQueue()
        self._sums: SimpleQueue[Gradients] = SimpleQueue()
        for _ in range(self.threads):
            self._spaces.put(self._eventprop.space())

    def refusal(self, given: Mapping[str, SpikeTrains], deviates: bool) -> str:
        """Return why this kernel cannot run these inputs, "" if it can."""
        if not deviates:
            return ""
        layers = "needs a feed-forward network of LIF(first_spike_only=True) that starts at rest"
        return f"a run with noise, or of observed times, {layers}"

    def forward(
        self, given: Mapping[str, SpikeTrains], n_samples: int, until: float, noise: Noise | None = None
    ) -> EventPropForwardPass:
        """Compute all spikes in [0, until)."""
        spikes = {name: (g.times, g.units.astype(np.int32), g.starts) for name, g in given.items()}
        n_input = int(sum(np.diff(start).max(initial=0) for _, _, start in spikes.values()))
        network = self.eventprop_network
        network.load()
        width, n_windows, bin_width = network.windows(until, n_input)
        if n_windows > 1:
            network.load(rising=True)
        self._eventprop.clear_inputs()
        for name, (time, unit, start) in spikes.items():
            self._eventprop.set_input(network.numbers[name], time, unit, start)
        n_populations = len(self.network.names)
        chunk = min(CHUNK, -(-n_samples // PIECES))
        tapes = [
            Tape(min(chunk, n_samples - low), n_populations, until, width, n_windows, bin_width)
            for low in range(0, n_samples, chunk)
        ]

        def forward(k: int) -> None:
            space = self._spaces.get()
            try:
                self._eventprop.forward(space, tapes[k], k * chunk)
            finally:
                self._spaces.put(space)

        for _ in self._each(forward, len(tapes)):
            pass
        return EventPropForwardPass(self, tapes, n_samples, until, given)

    def backward(self, run: EventPropForwardPass, errors: Mapping[str, Any]) -> Gradient:
        """Run the adjoint pass from the errors of spikes."""
        network = self.eventprop_network
        network.load(rising=run._tapes[0].n_windows > 1)
        if run.parameters is not network.loaded and not self.network.holds(run.parameters):
            raise ValueError("parameters have changed since the forward pass; run it again")
        run.clear_errors()
        for name, value in errors.items():
            run._put_errors(name, value)
        total: Gradients | None = None

        def backward(k: int) -> Gradients:
            space = self._spaces.get()
            try:
                sums = self._sums.get_nowait()
                sums.clear()
            except Empty:
                sums = self._eventprop.gradients()
            try:
                self._eventprop.backward(space, run._tapes[k], sums)
            finally:
                self._spaces.put(space)
            return sums

        for sums in self._each(backward, len(run._tapes)):
            if total is None:
                total = sums
                continue
            total.add(sums)
            self._sums.put(sums)
        assert total is not None
        if not total.finite():
            raise OverflowError(
                "derivatives overflow: the network amplifies small changes from spike to spike; "
                "run it for a shorter time, with weaker loops, or limit max_slope_inverse"
            )
        gradient = self._gradient(run, total)
        self._sums.put(total)
        return gradient

    def _each(self, work: Callable[[int], Any], n: int) -> Iterator[Any]:
        """Yield work(0), ..., work(n - 1) in this order; a few of them are computed ahead."""
        if self._process != os.getpid():
            self._prepare()
        if self._pool is None:
            yield from map(work, range(n))
            return
        waiting: deque[Future[Any]] = deque()
        self._eventprop.stopped = False
        try:
            for k in range(n):
                if len(waiting) >= 2 * self.threads:
                    yield waiting.popleft().result()
                waiting.append(self._pool.submit(work, k))
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            self._eventprop.stopped = True  # what runs already ends soon
            raise
        finally:
            for future in waiting:
                future.cancel()

    def _gradient(self, run: EventPropForwardPass, total: Gradients) -> Gradient:
        network = self.network
        weight, delay = {}, {}
        for p, rows in zip(network.pathways, self.eventprop_network.rows, strict=True):
            weight[p.name] = total.weights[rows.slot].reshape(p.weight.shape)
            delay[p.name] = p.reduced(total.delays[rows.slot])
        units: dict[str, dict[str, Floats]] = {key: {} for key in CONSTANTS}
        start = 0
        for name in network.names:
            n = network.size(name)
            if name in network.neurons:
                for column, key in enumerate(CONSTANTS):
                    each = total.units[start : start + n, column].copy()
                    if len(network.parameters[f"{key}/{name}"]) == 1:
                        each = np.array([each.sum()])
                    if self.time_constants or key == "v_th":
                        units[key][name] = each
            start += n
        return Gradient(weight, delay, **units, times=run.input_errors())
