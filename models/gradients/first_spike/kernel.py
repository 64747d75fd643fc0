"""First spikes in layers as a kernel of `SpikeGradient`: closed forms, a whole batch at a time."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError, UnknownPart
from eventsim.io.plain import real_array
from eventsim.models.gradients._input_spikes import in_given_order
from eventsim.models.gradients._latency import spike_latency
from eventsim.models.gradients.first_spike._backward import PIECE, Layers
from eventsim.models.gradients.first_spike._batch import Batch
from eventsim.models.gradients.first_spike._layered import compiled, layered
from eventsim.models.gradients.forward_pass import ForwardPass, Gradient
from eventsim.models.gradients.network import CONSTANTS, Settings, SpikeNetwork
from eventsim.models.gradients.perturbation import Noise
from eventsim.models.threads import Threads
from eventsim.parameters import one_number
from eventsim.spike_trains import SpikeTrains
from eventsim.trace import Spikes

__all__ = ["FirstSpikeForwardPass", "FirstSpikeKernel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SLICE = 16  # blocks of samples, or rows of weights, between two looks for signals


class FirstSpikeForwardPass(ForwardPass):
    """First spikes, one array for each population."""

    def __init__(
        self,
        kernel: "FirstSpikeKernel",
        layers: Layers,
        batch: Batch,
        until: float,
        given: Mapping[str, SpikeTrains],
    ) -> None:
        super().__init__(kernel.network, batch.n_samples, until)
        self.kernel, self.layers, self.batch = kernel, layers, batch
        self.parameters = layers.values
        self.forward_only = False
        self.pending = False  # whether `Layers.measure` is still to be called
        self._given = given

    @property
    def nbytes(self) -> int:
        """Memory that the run takes: 8 bytes a unit, 16 a neuron, 8 more for a backward pass; and the noise.

        Units of a population count up to a multiple of 8.
        """
        return self.batch.nbytes

    def spikes(self, population: str, sample: int) -> Spikes:
        """Return the spikes of a population in one sample."""
        times = self._times(population)[self._checked(sample)]
        units = np.flatnonzero(times < np.inf)
        units = units[times[units].argsort(kind="stable")]
        return Spikes(times[units], units)

    def slope_inverses(self, population: str, sample: int) -> Floats:
        """Return 1 / v' at each spike of a population in one sample."""
        units = self.spikes(population, sample).units
        if population in self._network.sources:
            return np.zeros(len(units))
        self.kernel.complete(self)
        slopes = self.batch.slopes(self.kernel.place(population) - self.layers.n_sources)[sample, units]
        with np.errstate(divide="ignore"):
            inverses: Floats = 1.0 / np.maximum(slopes, 0.0)
        return inverses

    def first_spikes(self, population: str) -> Floats:
        """Return the first spike of each unit, shape (n_samples, n)."""
        return self._times(population).copy()

    def counts(self, population: str) -> Ints:
        """Return the number of spikes of each unit, shape (n_samples, n)."""
        return (self._times(population) < np.inf).astype(np.int64)

    def maxima(self, population: str) -> tuple[Floats, Floats]:
        """Return membrane maxima and their times, both (n_samples, n)."""
        self._number(population)
        raise ValueError(f"{population!r} has a threshold; membrane maxima are kept for v_th = inf")

    def errors(self, population: str, sample: int) -> Floats:
        """Return dL/dT of each spike of a population in one sample."""
        units = self.spikes(population, sample).units
        errors = self.batch.errors(self.kernel.place(population))
        return np.zeros(len(units)) if errors is None else errors[sample, units]

    def backward(self, errors: Mapping[str, Any], wanted: Collection[str] | None = None) -> Gradient:
        """Differentiate a loss; see `SpikeGradient.backward`."""
        return self.kernel.backward(self, errors, wanted)

    def input_errors(self) -> dict[str, Any]:
        """Return dL/dt of the input spikes by source, in the layout they were given in."""
        found: dict[str, Any] = {}
        for name, given in self._given.items():
            errors = self.batch.errors(self.kernel.place(name))
            assert errors is not None
            if given.once:
                found[name] = np.where(self._times(name) < np.inf, errors, 0.0)
                continue
            found[name] = [in_given_order(given, k, self.errors(name, k)) for k in range(len(given))]
        return found

    def crossings(self, population: str) -> Floats:
        """Return when neurons crossed threshold, shape (n_samples, n), of a forward pass with noise.

        That is when spikes would have come, had noise not moved them. To be asked before derivatives are.
        """
        if not self.pending:
            raise ValueError(
                "only a forward pass with noise has crossings beside its spikes, before derivatives"
            )
        return self.batch.crossings(self.kernel.place(population) - self.layers.n_sources).copy()

    def _times(self, population: str) -> Floats:
        self._number(population)
        return self.batch.times(self.kernel.place(population))

    def _n_spikes(self, population: str, sample: int) -> int:
        return int(np.count_nonzero(self._times(population)[sample] < np.inf))

    def _add_first_errors(self, population: str, errors: Floats) -> None:
        self.batch.add_errors(self.kernel.place(population), errors)

    def _add_spike_errors(self, population: str, sample: int, errors: Floats) -> None:
        found = self.batch.errors(self.kernel.place(population))
        assert found is not None
        found[sample, self.spikes(population, sample).units] += errors


class FirstSpikeKernel:
    """Runs layers forward and back, blocks of samples in several threads.

    The passes are in `_forward.pyx` and `_backward.pyx`.

    Raises
    ------
    ConfigError
        If the network is not made of layers of neurons that spike at most once, or not of such that the form
        asked for can compute.
    """

    def __init__(self, network: SpikeNetwork, settings: Settings) -> None:
        self.network, self.threads = network, settings.threads
        self.time_constants = settings.time_constants
        self._order = layered(network, settings.form)
        self._places = {
            name: k for k, name in enumerate([*network.sources, *(layer.name for layer in self._order)])
        }
        self._layers = compiled(network, self._order, self.threads, shared=True)
        self._by_target: Layers | None = None
        self._forward: Layers | None = None
        self._min_slope = 1.0 / settings.max_slope_inverse
        self._max_dw_norm = settings.max_dw_norm
        self._pool = Threads(self.threads - 1, "first-spike") if self.threads > 1 else None

    def place(self, population: str) -> int:
        """Return the number of a population as the compiled layers have it."""
        return self._places[population]

    def refusal(self, given: Mapping[str, SpikeTrains], deviates: bool) -> str:
        """Return why this kernel cannot run these inputs, "" if it can."""
        for name, g in given.items():
            if g.only_spikes() is None:
                return f"a unit of {name!r} spikes more than once in a sample"
        return ""

    def forward(
        self,
        given: Mapping[str, SpikeTrains],
        n_samples: int,
        until: float,
        noise: Noise | None = None,
        derivatives: bool = True,
    ) -> FirstSpikeForwardPass:
        """Compute all spikes in [0, until); without `derivatives` there is no backward pass for them."""
        if not derivatives and (noise is None or not (noise.thresholds or noise.delays)):
            layers = self._ready_forward()
        else:
            layers = self._ready(noise is not None)
        batch = Batch(layers, n_samples, noise is not None)
        self._put(batch, given, until)
        if noise is not None:
            self._disturb(batch, noise)
        self._share(batch.n_blocks, partial(layers.forward, batch, until))
        run = FirstSpikeForwardPass(self, layers, batch, until, given)
        run.pending = noise is not None
        run.forward_only = not derivatives
        return run

    def observed(
        self,
        given: Mapping[str, SpikeTrains],
        n_samples: int,
        times: Mapping[str, ArrayLike],
        noise: Noise | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
    ) -> FirstSpikeForwardPass:
        """Return a run of which another system has computed the spikes."""
        layers = self._ready(noise is not None or bool(arrivals))
        batch = Batch(layers, n_samples, True)
        self._put(batch, given, np.inf)
        for layer in self._order:
            if layer.name not in times:
                raise UnknownPart(f"spike times of {layer.name!r} are missing; given: {', '.join(times)}")
        for name in times:
            if name not in self.network.neurons:
                raise UnknownPart(
                    f"spike times are given for {name!r}; expected: {', '.join(self.network.neurons)}"
                )
            what = f"spike times of {name!r}"
            batch.put(self.place(name), _array(times[name], (n_samples, self.network.size(name)), what, True))
        if arrivals:
            first = {name: batch.times(place) for name, place in self._places.items()}
            noise = Noise(delays=spike_latency(self.network, first, arrivals, n_samples))
        if noise is not None:
            self._disturb(batch, noise, bool(arrivals))
        self._share(batch.n_blocks, partial(layers.measure, batch))
        return FirstSpikeForwardPass(self, layers, batch, np.inf, given)

    def backward(
        self, run: FirstSpikeForwardPass, errors: Mapping[str, Any], wanted: Collection[str] | None
    ) -> Gradient:
        """Run the backward pass from the errors of spikes."""
        layers, batch = run.layers, run.batch
        self.complete(run)
        batch.clear_errors()
        for name, value in errors.items():
            run._put_errors(name, value)
        asked = _Wanted(wanted)
        constants = self.time_constants and any(
            asked(key, layer.name) for key in CONSTANTS[:2] for layer in self._order
        )
        delays = [[asked("delay", p.name) for p in layer.pathways] for layer in self._order]
        layers.want(delays, True, constants, asked.kind("times"))
        layers.reserve(batch.n_samples)
        layers.clear_sums()
        sums: dict[int, Floats] = {}  # dL/dw by layer
        for piece in range(-(-batch.n_blocks // PIECE)):
            n_blocks = min(PIECE, batch.n_blocks - piece * PIECE)
            self._share(n_blocks, partial(layers.backward, batch, self._max_dw_norm, self._min_slope, piece))
            layers.add_blocks(n_blocks)
            for k, layer in enumerate(self._order):
                if not layers.shares_arrivals(k) or not any(asked("weight", p.name) for p in layer.pathways):
                    continue
                found = layers.weight_gradient(k)
                work = batch.n_samples * found.size
                self._share(layers.rows_to_sum(k), partial(layers.sum_weights, batch, k, piece), work)
                if batch.n_blocks > PIECE:
                    found = sums[k] + found if k in sums else found.copy()
                sums[k] = found
        return self._gradient(run, sums, asked, constants)

    def complete(self, run: FirstSpikeForwardPass) -> None:
        """Make a run ready for derivatives: check the parameters, compute slopes from the spike times."""
        if run.forward_only:
            raise ValueError("the run was made without derivatives")
        run.layers.refresh()
        if run.parameters is not run.layers.values and not run.layers.holds(run.parameters):
            raise ValueError("parameters have changed since the forward pass; run it again")
        if run.pending:
            self._share(run.batch.n_blocks, partial(run.layers.measure, run.batch))
            run.pending = False

    # ------------------------------------------------------------------ what these methods share

    def _ready(self, by_target: bool) -> Layers:
        """Return layers with the present parameters; `by_target`: all of them with delays of each synapse."""
        if by_target and self._by_target is None:
            self._by_target = compiled(self.network, self._order, self.threads, shared=False)
        layers = self._by_target if by_target and self._by_target is not None else self._layers
        return self._fresh(layers)

    def _ready_forward(self) -> Layers:
        """Return layers with the present parameters that only go forward."""
        if self._forward is None:
            self._forward = compiled(self.network, self._order, self.threads, shared=True, forward=True)
        return self._fresh(self._forward)

    def _fresh(self, layers: Layers) -> Layers:
        if not layers.refresh():
            self.network.check()
            raise ConfigError("a threshold has become infinite")
        return layers

    def _put(self, batch: Batch, given: Mapping[str, SpikeTrains], until: float) -> None:
        for name, g in given.items():
            first = g.only_spikes()
            assert first is not None
            batch.put(self.place(name), first, until)

    def _disturb(self, batch: Batch, noise: Noise, lost: bool = False) -> None:
        """Load the deviations of a run; `lost`: spikes may be late for ever."""
        known = {p.name for p in self.network.pathways}
        for what, names in (
            ("delays", noise.delays),
            ("thresholds", noise.thresholds),
            ("spikes", noise.spikes),
            ("clocks", noise.clocks),
        ):
            for name in names:
                if name not in (known if what == "delays" else self.network.neurons):
                    raise UnknownPart(f"noise of {what} is given for {name!r}, which is not in the network")
        n = batch.n_samples
        for k, layer in enumerate(self._order):
            size = (n, self.network.size(layer.name))
            jitter = None
            if any(p.name in noise.delays for p in layer.pathways):
                parts = [
                    _array(
                        noise.delays.get(p.name, 0.0), (n, p.n_pre, p.n_post), f"noise of {p.name!r}", lost
                    )
                    for p in layer.pathways
                ]
                jitter = np.ascontiguousarray(np.concatenate(parts, axis=1))
            offset, shift = (
                np.array(_array(given[layer.name], size, f"noise of {layer.name!r}", times), order="C")
                if layer.name in given
                else None
                for given, times in ((noise.thresholds, False), (noise.spikes, True))
            )
            clock = one_number(noise.clocks.get(layer.name, 0.0), f"clock of {layer.name!r}", low=0)
            if offset is not None:
                least = (
                    self.network.parameters[f"v_th/{layer.name}"] - self.network.fixed[layer.name]["v_leak"]
                )
                if not (least + offset > 0).all():
                    raise ValueError(f"noise brings thresholds of {layer.name!r} down to rest")
            batch.disturb(k, jitter, offset, shift, clock)

    def _share(self, n: int, work_on: Callable[[int, int, int], None], work: int | None = None) -> None:
        """Call work_on(thread, low, high) on a share of range(n) in each thread, slice by slice.

        Between two slices Python looks for signals, such as Ctrl-C; then no thread begins another slice.
        """
        threads = self.threads if work is None or work > 200_000 else 1
        stopped = False

        def work_on_share(thread: int, low: int, high: int) -> None:
            for start in range(low, high, SLICE):
                if stopped:
                    return
                work_on(thread, start, min(start + SLICE, high))

        if self._pool is None or threads == 1 or n == 1:
            work_on_share(0, 0, n)
            return
        borders = [n * k // threads for k in range(threads + 1)]
        others = [
            self._pool.submit(work_on_share, thread, borders[thread], borders[thread + 1])
            for thread in range(1, threads)
        ]
        try:
            work_on_share(0, 0, borders[1])
            for other in others:
                other.result()
        except BaseException:
            stopped = True
            raise

    def _gradient(
        self, run: FirstSpikeForwardPass, sums: Mapping[int, Floats], asked: "_Wanted", constants: bool
    ) -> Gradient:
        weight: dict[str, Floats] = {}
        delay: dict[str, Floats] = {}
        units: dict[str, dict[str, Floats]] = {key: {} for key in CONSTANTS}
        for k, layer in enumerate(self._order):
            first, whole = 0, sums.get(k)
            for j, p in enumerate(layer.pathways):
                by_weight, by_delay = run.layers.synapse_gradients(k, j)
                if by_weight is None and whole is not None:
                    by_weight = whole[first : first + p.n_pre].copy()
                first += p.n_pre
                if asked("weight", p.name) and by_weight is not None:
                    weight[p.name] = by_weight
                if asked("delay", p.name):
                    delay[p.name] = by_delay.reshape(p.delay.shape)
            found = run.layers.unit_gradients(k)
            for row, key in enumerate(("v_th", "tau_mem", "tau_syn")):
                if (constants or key == "v_th") and asked(key, layer.name):
                    each = found[row]
                    one = self.network.parameters[f"{key}/{layer.name}"].size == 1
                    units[key][layer.name] = each.sum(keepdims=True) if one else each
        every = [each for by_name in (weight, delay, *units.values()) for each in by_name.values()]
        if not all(np.isfinite(each.sum()) for each in every):
            raise OverflowError(
                "derivatives overflow: membranes graze threshold; start from other weights, or limit "
                "max_slope_inverse"
            )
        times = run.input_errors() if asked.kind("times") else {}
        return Gradient(weight, delay, **units, times=times)


class _Wanted:
    """The derivatives asked for, by kinds and full names; all of them for None."""

    def __init__(self, names: Collection[str] | None) -> None:
        self._names = names

    def kind(self, kind: str) -> bool:
        return self._names is None or kind in self._names

    def __call__(self, kind: str, name: str) -> bool:
        return self._names is None or kind in self._names or f"{kind}/{name}" in self._names


def _array(values: ArrayLike, shape: tuple[int, ...], what: str, times: bool = False) -> Floats:
    """Return values that were given for all samples, or for each; times may be inf."""
    array = real_array(values, what)
    if array.shape not in ((), shape, shape[1:], (1, *shape[1:])):
        raise ValueError(f"{what} has shape {array.shape}, expected {shape} or {shape[1:]}")
    if not (array > -np.inf).all() or not (times or np.isfinite(array).all()):
        bad = array[~(np.isfinite(array))]
        raise ValueError(f"{what} must be numbers{' or inf' if times else ''}, got {bad[0]}")
    return np.broadcast_to(array, shape)
