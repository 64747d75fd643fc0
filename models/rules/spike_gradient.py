"""Exact gradients of spike times: any network of LIF neurons, any number of spikes, every parameter.

A spike at T satisfies v(T) = v_th, so any change x of what came before moves it by dT/dx = -(dv/dx) / v'(T).
Instead of following each x forward, the adjoints l_v = dL/dv and l_i = dL/di of every neuron are followed
back in time (see `_walk.pxd`): an own spike with error G = dL/dT sets l_v = -G / v'(T); between events both
follow their exact flow; an arrival of weight w reads off

    dL/dw = l_i        dL/dt = w (l_i / tau_syn - l_v / c_mem),

the latter being the derivative in the delay, and part of the error of the spike that was sent. After a spike
the membrane starts anew at R = T + t_ref from a fixed value, so what came before acts on what follows through
T alone: G gains -l_v(R) v'(R). No step size enters anywhere.

Gradients are those of the branch that the run took. They are exact as long as no spike appears or
disappears; there L jumps, and no derivative tells. A silent neuron has gradient zero. Close to such a point
the membrane grazes threshold, 1 / v'(T) and with it the gradient grows without bound; `max_slope_inverse`
stops what passes through such a spike. Where an arrival and a spike change order, L has a kink; an arrival
at the very time of a spike counts as one before it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.rules._spike_network import CONSTANTS, SpikeNetwork
from eventsim.models.rules._walk import Gradients, Space, Tape
from eventsim.network import Network
from eventsim.registry import register
from eventsim.spike_trains import checked_spikes
from eventsim.trace import Spikes

__all__ = ["Gradient", "Run", "SpikeGradient"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 32  # samples that are walked and summed together, whatever the number of threads


@dataclass(slots=True)
class _Given:
    """The input spikes of one source, sorted within each sample, and how they were given."""

    time: Floats  # (n_spikes,)
    unit: NDArray[np.int32]
    start: Ints  # (n_samples + 1,)
    dense: bool  # given as first spikes (n_samples, n)
    places: list[Ints] = field(default_factory=list)  # per sample, where each spike stood among those given
    sizes: list[int] = field(default_factory=list)  # per sample, how many were given


class Run:
    """Spikes of a forward pass, of all samples; made by `SpikeGradient.forward`."""

    def __init__(
        self, network: SpikeNetwork, tapes: list[Tape], n_samples: int, until: float, given: dict[str, _Given]
    ) -> None:
        self._network, self._tapes, self._given = network, tapes, given
        self._parameters = network.loaded
        self.n_samples = n_samples
        self.until = until

    def __len__(self) -> int:
        return self.n_samples

    @property
    def nbytes(self) -> int:
        """Memory that the tape takes: 48 bytes a spike, inputs included, and 8 more for a backward pass.

        Arrivals take none.
        """
        return sum(tape.nbytes for tape in self._tapes)

    def spikes(self, population: str, sample: int) -> Spikes:
        """Return the spikes of a population in one sample."""
        tape, k = self._at(sample)
        return Spikes(*tape.spikes(self._number(population), k))

    def slope_inverses(self, population: str, sample: int) -> Floats:
        """Return 1 / v' at each spike; 0 where no membrane decides (inputs), inf where it grazes."""
        tape, k = self._at(sample)
        return tape.slopes(self._number(population), k)

    def first_spikes(self, population: str) -> Floats:
        """Return when each unit spikes first, shape (n_samples, n); `inf` where it does not."""
        times = np.full((self.n_samples, self._size(population)), np.inf)
        for low, tape in self._pieces():
            tape.first(self._number(population), times[low : low + tape.n_samples])
        return times

    def counts(self, population: str) -> Ints:
        """Return how often each unit spikes, shape (n_samples, n)."""
        counts = np.zeros((self.n_samples, self._size(population)), np.int64)
        for low, tape in self._pieces():
            tape.count(self._number(population), counts[low : low + tape.n_samples])
        return counts

    def maxima(self, population: str) -> tuple[Floats, Floats]:
        """Return the largest membrane of each unit in [0, until] and when it is reached, both (n_samples, n).

        Of a population that does not spike, that is of `LIF` with ``v_th = inf``. Where the membrane settles
        from below for ever, without `until`, that is at `inf`.

        Raises
        ------
        ValueError
            If the population has a threshold.
        """
        first = self._network.readout(population)
        if first < 0:
            raise ValueError(f"{population!r} has a threshold; largest membranes are noted with v_th = inf")
        values, times = np.zeros((2, self.n_samples, self._size(population)))
        for low, tape in self._pieces():
            at = slice(low, low + tape.n_samples)
            tape.tops(first, values[at], times[at])
        return values, times

    def errors(self, population: str, sample: int) -> Floats:
        """Return dL/dT of each spike, with all that follows from it, of the latest backward pass."""
        tape, k = self._at(sample)
        return tape.errors[self._slice(tape, population, k)].copy()

    def _pieces(self) -> Iterator[tuple[int, Tape]]:
        return ((k * CHUNK, tape) for k, tape in enumerate(self._tapes))

    def _at(self, sample: int) -> tuple[Tape, int]:
        if not 0 <= sample < self.n_samples:
            raise IndexError(f"the run has samples 0..{self.n_samples - 1}, got {sample}")
        return self._tapes[sample // CHUNK], sample % CHUNK

    def _slice(self, tape: Tape, population: str, k: int) -> slice:
        at = k * tape.n_populations + self._number(population)
        starts = tape.starts
        return slice(int(starts[at]), int(starts[at + 1]))

    def _number(self, population: str) -> int:
        if population not in self._network.numbers:
            raise UnknownPart(
                f"no population is named {population!r}; known: {', '.join(self._network.names)}"
            )
        return self._network.numbers[population]

    def _size(self, population: str) -> int:
        self._number(population)
        return self._network.net.populations[population].n


@dataclass(slots=True)
class Gradient:
    """Derivatives of a loss, summed over all samples.

    Attributes
    ----------
    weight : by projection, in the shape of its weights: (n_pre, n_post) if dense, else (n_syn,).
    delay : by projection, in the shape of its delays: (1,) uniform, (n_pre, 1) axonal, (1, n_post)
        dendritic, or the shape of the weights.
    tau_mem, tau_syn, v_th : by population, (1,) if all units share it, else (n,).
    times : by source, in the layout of the inputs: (n_samples, n), or a list of arrays.
    """

    weight: dict[str, Floats]
    delay: dict[str, Floats]
    tau_mem: dict[str, Floats]
    tau_syn: dict[str, Floats]
    v_th: dict[str, Floats]
    times: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Floats]:
        """The derivatives by the names of `SpikeGradient.parameters`."""
        kinds = {"weight": self.weight, "delay": self.delay}
        kinds |= {"tau_mem": self.tau_mem, "tau_syn": self.tau_syn, "v_th": self.v_th}
        return {f"{kind}/{name}": value for kind, by_name in kinds.items() for name, value in by_name.items()}


@register("rule", "spike_gradient")
class SpikeGradient:
    """Runs a network on many samples, and differentiates a loss of its spike times in all parameters.

    Parameters
    ----------
    net : Network
        Of `LIF` populations and `SpikeSource`; it is not changed.
    threads : int
        How many threads share the samples. Results do not depend on it.
    time_constants : bool
        Whether derivatives in tau_mem and tau_syn are computed; they slow the forward pass down.
    max_slope_inverse : float
        Nothing is passed on through a spike with 1 / v'(T) above it.
    max_spikes : int
        A sample with more spikes is taken to run away.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        ``weight/<projection>``, ``delay/<projection>``, ``tau_mem/<population>``, ``tau_syn/...`` and
        ``v_th/...``, in the shapes of `Gradient`. Change them in place; the next forward pass uses them.

    Raises
    ------
    ConfigError
        If there are other neurons or sources, or a loop without delay.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 2)
    >>> _ = net.add("cell", es.models.LIF(), 1)
    >>> _ = net.connect("input", "cell", weight=np.array([[2.0], [1.5]]), delay=0.1)
    >>> grad = es.models.rules.SpikeGradient(net)
    >>> run = grad.forward({"input": [[0.0, 0.3]]}, until=5.0)
    >>> g = grad.backward(run, {"cell": np.ones((1, 1))})  # of L = the first spike time
    >>> bool(g.delay["input->cell"][0].round(12) == 1.0)  # a later input is a later spike
    True

    Notes
    -----
    Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights on spiking
    neuromorphic hardware, is the case of one spike per neuron in a feed-forward network.
    """

    paper: ClassVar[str] = (
        "Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights"
    )

    def __init__(
        self,
        net: Network,
        *,
        threads: int = 1,
        time_constants: bool = True,
        max_slope_inverse: float = math.inf,
        max_spikes: int = 10_000_000,
    ) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads must be a whole number, at least 1, got {threads!r}")
        if not max_slope_inverse > 0:
            raise ValueError(f"max_slope_inverse must be positive (inf: no limit), got {max_slope_inverse!r}")
        self._network = SpikeNetwork(net, bool(time_constants))
        self._walk = self._network.walk
        self._walk.max_slope_inverse = float(max_slope_inverse)
        self._walk.max_spikes = max_spikes
        self.threads = threads
        self.time_constants = bool(time_constants)
        self.parameters: Mapping[str, Floats] = self._network.parameters
        self._pool = ThreadPoolExecutor(threads, "spike-gradient") if threads > 1 else None
        self._spaces: SimpleQueue[Space] = SimpleQueue()
        self._sums: SimpleQueue[Gradients] = SimpleQueue()
        for _ in range(threads):
            self._spaces.put(self._walk.space())

    def forward(self, inputs: Mapping[str, Any], until: float = math.inf) -> Run:
        """Compute all spikes in [0, until).

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            By source: first spikes, shape (n_samples, n), `inf` for none; or for each sample its spikes as
            (times, units) or `Spikes`. A SpikeSource with spikes of its own may be left out.
        until : float
            End of the run; it may be left out if the network has no loops.

        Returns
        -------
        Run

        Raises
        ------
        UnknownPart, ValueError
            If a source is missing or unknown, or its spikes or a parameter do not do.
        ConfigError
            If the run would not end.
        RuntimeError
            If a sample has more than `max_spikes` spikes.
        """
        until = float(until)
        if not until > 0:
            raise ValueError(f"until must be a time after 0, got {until!r}")
        given, n_samples = self._given(inputs)
        n_input = int(sum(np.diff(g.start).max(initial=0) for g in given.values()))
        network = self._network
        network.load()
        width, n_windows = network.windows(until, n_input)
        if n_windows > 1:
            network.load(rising=True)
        self._walk.clear_inputs()
        for name, g in given.items():
            self._walk.set_input(network.numbers[name], g.time, g.unit, g.start)
        n_populations = len(network.names)
        tapes = [
            Tape(min(CHUNK, n_samples - low), n_populations, until, width, n_windows)
            for low in range(0, n_samples, CHUNK)
        ]

        def walk(k: int) -> None:
            space = self._spaces.get()
            try:
                self._walk.forward(space, tapes[k], k * CHUNK)
            finally:
                self._spaces.put(space)

        for _ in self._each(walk, len(tapes)):
            pass
        return Run(network, tapes, n_samples, until, given)

    def backward(self, run: Run, errors: Mapping[str, Any]) -> Gradient:
        """Differentiate a loss in all parameters.

        Parameters
        ----------
        run : Run
            The parameters must have the values it was made with.
        errors : mapping of str to array_like or sequence
            By population, the derivative of the loss in spike times: of first spikes, shape (n_samples, n),
            any number where there is no spike; or for each sample an array as long as its `run.spikes`.
            Of a population with ``v_th = inf``, the derivative in its `run.maxima`, shape (n_samples, n).

        Returns
        -------
        Gradient

        Raises
        ------
        UnknownPart, ValueError
            If a population is unknown, or errors do not fit its spikes.
        OverflowError
            If a derivative is too large for a number.
        """
        network = self._network
        if run._network is not network:
            raise ValueError("the run was made by another SpikeGradient")
        network.load(rising=run._tapes[0].n_windows > 1)
        if run._parameters is not network.loaded and not network.holds(run._parameters):
            raise ValueError("parameters have changed since the forward pass; run it again")
        for tape in run._tapes:
            tape.clear_errors()
        for name, value in errors.items():
            self._put_errors(run, name, value)
        total: Gradients | None = None

        def walk(k: int) -> Gradients:
            space = self._spaces.get()
            try:
                sums = self._sums.get_nowait()
                sums.clear()
            except Empty:
                sums = self._walk.gradients()
            try:
                self._walk.backward(space, run._tapes[k], sums)
            finally:
                self._spaces.put(space)
            return sums

        for sums in self._each(walk, len(run._tapes)):
            if total is None:
                total = sums
                continue
            total.synapses[:] += sums.synapses
            total.units[:] += sums.units
            self._sums.put(sums)
        assert total is not None
        if not (np.isfinite(total.synapses).all() and np.isfinite(total.units).all()):
            raise OverflowError(
                "derivatives overflow: the network amplifies small changes from spike to spike; "
                "run it for a shorter time, with weaker loops, or limit max_slope_inverse"
            )
        gradient = self._gradient(run, total)
        self._sums.put(total)
        return gradient

    def network(self) -> Network:
        """Return the network with the present parameters; what is not dense is listed synapse by synapse."""
        return self._network.declared()

    # ------------------------------------------------------------------ what the public methods share

    def _each(self, walk: Callable[[int], Any], n: int) -> Iterator[Any]:
        """Yield the results of `walk` of 0, 1, ..., n - 1 in this order, a few of them under way."""
        if self._pool is None:
            yield from map(walk, range(n))
            return
        waiting: deque[Future[Any]] = deque()
        try:
            for k in range(n):
                if len(waiting) >= 2 * self.threads:
                    yield waiting.popleft().result()
                waiting.append(self._pool.submit(walk, k))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _given(self, inputs: Mapping[str, Any]) -> tuple[dict[str, _Given], int]:
        populations = self._network.net.populations
        sources = [name for name in self._network.names if name not in self._network.neurons]
        for name in inputs:
            if name not in sources:
                raise UnknownPart(
                    f"input spikes are given for {name!r}; sources: {', '.join(sources) or 'none'}"
                )
        lengths = {name: len(value) for name, value in inputs.items()}
        n_samples = max(lengths.values(), default=1)
        for name, length in lengths.items():
            if length != n_samples or length == 0:
                raise ValueError(
                    f"input spikes of {name!r} hold {length} samples, expected {max(n_samples, 1)}"
                )
        given = {}
        for name in sources:
            n = populations[name].n
            if name in inputs:
                given[name] = _sorted_spikes(inputs[name], n, name)
                continue
            own = checked_spikes(populations[name].model.times, populations[name].model.units, n, name)
            if not len(own[0]):
                raise UnknownPart(
                    f"input spikes of {name!r} are missing; given: {', '.join(inputs) or 'none'}"
                )
            given[name] = _sorted_spikes([own] * n_samples, n, name)
        return given, n_samples

    def _put_errors(self, run: Run, name: str, value: Any) -> None:
        number, n = run._number(name), run._size(name)
        ragged = isinstance(value, Sequence) and not isinstance(value, np.ndarray)
        array = None
        if not ragged or all(np.shape(row) == (n,) for row in value):
            array = np.ascontiguousarray(value, np.float64)
        counts = None
        if ragged:
            counts = [len(run.spikes(name, s)) for s in range(run.n_samples)]
            if len(value) == run.n_samples and [np.size(row) for row in value] == counts:
                array = None  # one for each spike
        if array is not None:
            if array.shape != (run.n_samples, n):
                raise ValueError(
                    f"errors of {name!r} have shape {array.shape}, expected ({run.n_samples}, {n})"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"errors of {name!r} must be finite, got {array[~np.isfinite(array)][0]}")
            top = run._network.readout(name)
            for low, tape in run._pieces():
                if top >= 0:
                    tape.add_top_errors(top, array[low : low + tape.n_samples])
                else:
                    tape.add_first_errors(number, array[low : low + tape.n_samples])
            return
        if len(value) != run.n_samples:
            raise ValueError(f"errors of {name!r} hold {len(value)} samples, the run holds {run.n_samples}")
        for sample, row in enumerate(value):
            tape, k = run._at(sample)
            at = run._slice(tape, name, k)
            errors = np.asarray(row, np.float64).reshape(-1)
            if len(errors) != at.stop - at.start:
                raise ValueError(
                    f"errors of {name!r} in sample {sample} are {len(errors)}, "
                    f"it has {at.stop - at.start} spikes"
                )
            if not np.isfinite(errors).all():
                raise ValueError(f"errors of {name!r} must be finite, got {errors[~np.isfinite(errors)][0]}")
            tape.errors[at] += errors

    def _gradient(self, run: Run, total: Gradients) -> Gradient:
        network = self._network
        weight, delay = {}, {}
        for p in network.pathways:
            weight[p.name] = total.synapses[p.slot, 0].reshape(p.weight.shape)
            delay[p.name] = p.reduced(total.synapses[p.slot, 1])
        units: dict[str, dict[str, Floats]] = {key: {} for key in CONSTANTS}
        start = 0
        for name in network.names:
            n = network.net.populations[name].n
            if name in network.neurons:
                for column, key in enumerate(CONSTANTS):
                    each = total.units[start : start + n, column].copy()
                    if len(self.parameters[f"{key}/{name}"]) == 1:
                        each = np.array([each.sum()])
                    if self.time_constants or key == "v_th":
                        units[key][name] = each
            start += n
        return Gradient(weight, delay, **units, times={name: self._times(run, name) for name in run._given})

    def _times(self, run: Run, name: str) -> Any:
        given, number = run._given[name], run._number(name)
        if given.dense:
            errors = np.zeros((run.n_samples, run._size(name)))
            for low, tape in run._pieces():
                tape.first_errors(number, errors[low : low + tape.n_samples])
            return errors
        rows = []
        for sample in range(run.n_samples):
            found = run.errors(name, sample)
            row = np.zeros(given.sizes[sample])
            row[given.places[sample][: len(found)]] = found
            rows.append(row)
        return rows


def _sorted_spikes(spikes: Any, n: int, name: str) -> _Given:
    """Return the spikes of a source as the walk wants them."""
    if not isinstance(spikes[0], tuple | Spikes):
        times = np.asarray(spikes, np.float64)
        if times.ndim != 2 or times.shape[1] != n:
            raise ValueError(f"input spikes of {name!r} have shape {times.shape}, expected (n_samples, {n})")
        if not times.min(initial=0.0) >= 0:
            bad = times[~(times >= 0)][0]
            raise ValueError(f"input spikes of {name!r} must be at times >= 0 or inf, got {bad}")
        units = times.argsort(axis=1, kind="stable")
        times = np.take_along_axis(times, units, axis=1)
        there = times < np.inf
        start = np.concatenate([[0], there.sum(axis=1).cumsum()])
        return _Given(times[there], units[there].astype(np.int32), start.astype(np.int64), True)
    all_times, all_units, places, sizes = [], [], [], []
    for sample in spikes:
        given = (sample.times, sample.units) if isinstance(sample, Spikes) else tuple(sample)
        if len(given) != 2:
            raise ValueError(f"a sample of {name!r} must be (times, units), got {len(given)} things")
        t, u = checked_spikes(given[0], given[1], n, name)
        if t.min(initial=0.0) < 0:
            raise ValueError(f"input spikes of {name!r} must not be before 0, got {t.min()}")
        order = np.lexsort((u, t))
        places.append(np.flatnonzero(np.asarray(given[0], np.float64).reshape(-1) < np.inf)[order])
        sizes.append(int(np.size(given[0])))
        all_times.append(t[order])
        all_units.append(u[order])
    start = np.concatenate([[0], np.cumsum([len(t) for t in all_times])]).astype(np.int64)
    return _Given(
        np.concatenate(all_times), np.concatenate(all_units).astype(np.int32), start, False, places, sizes
    )
