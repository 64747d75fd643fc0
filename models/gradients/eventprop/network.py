"""A network as EventProp needs it: synapses target by target, an order of populations, windows.

`load` copies the parameters into the compiled passes. These hold synapses in an order of their own: target by
target, or source by source where a population is vectorised.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.gradients.eventprop._passes import EventProp
from eventsim.models.gradients.network import CONSTANTS, Pathway, SpikeNetwork
from eventsim.network.topological_sort import topological_sort

__all__ = ["EventPropNetwork"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]

CHUNK = 2**21  # deliveries that a window of a network without loops is to hold, about


@dataclass(slots=True)
class _SynapseRows:
    """Where the compiled passes keep the synapses of a projection.

    Attributes
    ----------
    slot : ndarray, shape (n_syn,), int32
        Place of each synapse among all synapses of the passes.
    first : ndarray, shape (n_pre + 1,), int32
        Where the synapses of a source begin when all are sorted by source.
    order : ndarray, shape (n_syn,), int64
        Synapses sorted by source.
    """

    slot: Indices
    first: Indices
    order: Ints


class EventPropNetwork:
    """Keeps an `EventProp` up to date with the parameters of a network.

    Parameters
    ----------
    network : SpikeNetwork
    time_constants : bool
        Whether derivatives in tau_mem and tau_syn are computed.
    form : {"", "vectorised", "time-binned", "per-neuron"}
        How populations are computed where that is possible, all others neuron by neuron; "" picks the
        fastest for each.

    Raises
    ------
    ConfigError
        If no population can be computed in the form asked for.
    """

    def __init__(self, network: SpikeNetwork, time_constants: bool, form: str = "") -> None:
        self.network, self.form = network, form
        self.neurons, self.numbers = network.neurons, network.numbers
        self.n_synapses = sum(p.n_synapses for p in network.pathways)
        self.rows = self._rows()
        self.eventprop = EventProp(
            [self._record(name) for name in network.names],
            [
                (self.numbers[p.pre], self.numbers[p.post], rows.first)
                for p, rows in zip(network.pathways, self.rows, strict=True)
            ],
            [self.numbers[name] for name in self.neurons],
            self.n_synapses,
            time_constants,
        )
        self._dense: set[str] = set()  # populations whose inputs need no rows of synapses
        self._own_delays: list[str] = []  # dense populations with delays of each synapse
        for name in self.neurons:
            into = [k for k, p in enumerate(network.pathways) if p.post == name]
            if into and all(network.pathways[k].dense for k in into):
                shared = self._shared(name)
                self._dense.add(name)
                if not shared:
                    self._own_delays.append(name)
                first = int(min(self.rows[k].slot[0] for k in into))
                self.eventprop.set_dense(self.numbers[name], first, shared, self._is_vectorised(name))
        if form == "vectorised" and not any(map(self._is_vectorised, self.neurons)):
            raise ConfigError(
                "nothing can be vectorised over neurons: in each population neurons have constants of their "
                "own, or synapses have delays of their own or are not dense"
            )
        self.shortest = math.inf  # delay in a loop
        self.bin_width, self.n_bins = 0.0, 0  # width of a time bin, and bins of a window; 0: none
        self.loaded: dict[str, Floats] = {}  # the parameters as last copied; replaced, never changed
        self._rising = False

    # Set up -------------------------------------------------------------------------------------------

    def _record(self, name: str) -> tuple[int, bool, bool, Floats | None, Floats | None]:
        population = self.network.net.populations[name]
        model = population.model
        if name not in self.neurons:
            return population.n, True, False, None, None
        start = model.v_leak if model.v_init is None else model.v_init
        v_init, i_init = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(x, np.float64).reshape(-1), population.n))
            for x in (start, model.i_init)
        )
        return population.n, False, bool(model.first_spike_only), v_init, i_init

    def _rows(self) -> list[_SynapseRows]:
        pathways = self.network.pathways
        slots: dict[str, Indices] = {}
        start = 0
        for name in self.neurons:
            into = [p for p in pathways if p.post == name]
            if not into:
                continue
            targets = np.concatenate([p.target for p in into])
            if start + len(targets) >= 2**31:
                raise ConfigError(f"the network has more than {2**31 - 1} synapses, too many for EventProp")
            places = np.arange(start, start + len(targets), dtype=np.int32)
            if not self._is_vectorised(name) and (self._shared(name) or not all(p.dense for p in into)):
                places[np.argsort(targets, kind="stable")] = places.copy()
            start += len(targets)
            borders = np.cumsum([p.n_synapses for p in into])[:-1]
            for p, part in zip(into, np.split(places, borders), strict=True):
                slots[p.name] = np.ascontiguousarray(part)
        rows = []
        for p in pathways:
            first = np.zeros(p.n_pre + 1, np.int32)
            np.cumsum(np.bincount(p.source, minlength=p.n_pre), out=first[1:])
            rows.append(_SynapseRows(slots[p.name], first, np.argsort(p.source, kind="stable")))
        return rows

    def _shared(self, name: str) -> bool:
        """Return whether no synapse of a population has a delay of its own."""
        return all(p.kind in ("uniform", "axonal") for p in self.network.pathways if p.post == name)

    def _is_vectorised(self, name: str) -> bool:
        """Return whether all units receive the same spikes at the same times and have the same constants."""
        if self.form not in ("", "vectorised"):
            return False
        network = self.network
        into = [p for p in network.pathways if p.post == name]
        shared = all(p.dense for p in into) and self._shared(name)
        parameters = [network.parameters[f"{key}/{name}"] for key in CONSTANTS]
        constants = [*parameters, *network.fixed[name].values()]
        return bool(into) and shared and all(value.size == 1 for value in constants)

    def owners(self) -> Indices:
        """Return the target of each synapse, counted through all units."""
        first = dict(zip(self.network.names, np.cumsum([0, *map(self.network.size, self.network.names)]),
                         strict=False))  # fmt: skip
        found = np.empty(self.n_synapses, np.int32)
        for p, rows in zip(self.network.pathways, self.rows, strict=True):
            found[rows.slot] = first[p.post] + p.target
        return found

    # Values -------------------------------------------------------------------------------------------

    def load(self, rising: bool = False) -> None:
        """Copy the parameters into the passes if they have changed; `rising`: rows sorted by delay.

        Raises
        ------
        ValueError
            If a parameter is invalid.
        ConfigError
            If populations reach each other in a circle without delay.
        """
        same = self.network.holds(self.loaded)
        if same and rising <= self._rising:
            return
        self.network.check()
        before, self.loaded = self.loaded, {}  # if what follows fails, the next call does it anew
        parameters = self.network.parameters
        weights, delays = np.empty(self.n_synapses), np.empty(self.n_synapses)
        for p, rows in zip(self.network.pathways, self.rows, strict=True):
            weights[rows.slot] = p.weight.reshape(-1)
            delays[rows.slot] = p.delays()
        self.eventprop.set_weights(weights, delays)
        loop = self._set_order()
        for k, p in enumerate(self.network.pathways):
            self._set_link(k, p, rising or loop)
        for name in self.neurons:
            values = {key: parameters[f"{key}/{name}"] for key in CONSTANTS}
            self.eventprop.set_cells(self.numbers[name], values | self.network.fixed[name])
        self._choose_bins()
        self.loaded = before if same else {key: value.copy() for key, value in parameters.items()}
        self._rising = rising or loop

    def _set_order(self) -> bool:
        """Set the order in which passes take the populations; returns whether there is a loop."""
        pathways = self.network.pathways
        reached = {name: {p.post for p in pathways if p.pre == name} for name in self.neurons}
        for name in self.neurons:  # transitive closure
            for other in self.neurons:
                if name in reached[other]:
                    reached[other] |= reached[name]
        instant: list[tuple[str, str]] = []
        shortest = math.inf
        for p in pathways:
            if p.pre not in reached or not p.n_synapses:
                continue
            least = float(p.delay.min())
            if p.pre in reached[p.post] and least > 0:
                shortest = min(shortest, least)
            else:
                instant.append((p.pre, p.post))
        order = topological_sort(self.neurons, instant)
        self.eventprop.set_order([self.numbers[name] for name in order])
        # A bit less than the delay, so that rounding lets no spike arrive in the window it was emitted in.
        self.shortest = (1 - 1e-9) * shortest
        return math.isfinite(shortest)

    def _set_link(self, k: int, p: Pathway, rising: bool) -> None:
        delay, row_delay = None, None
        target, slot = p.target, self.rows[k].slot
        if p.kind in ("uniform", "axonal"):
            row_delay = np.ascontiguousarray(np.broadcast_to(p.delay.reshape(-1), p.n_pre))
        else:
            delay = np.ascontiguousarray(p.delays())
        if p.post not in self._dense:
            order = self.rows[k].order
            if delay is not None:
                if rising:
                    order = np.lexsort((delay, p.source))
                delay = np.ascontiguousarray(delay[order])
            target, slot = np.ascontiguousarray(target[order]), np.ascontiguousarray(slot[order])
        least, most = (float(p.delay.min()), float(p.delay.max())) if p.n_synapses else (math.inf, 0.0)
        self.eventprop.set_link(k, target, slot, delay, row_delay, least, most, rising)

    def _choose_bins(self) -> None:
        """Choose bins of time for populations whose synapses have delays of their own.

        Within a fraction of a time constant few units come near threshold, and an upper bound tells which.
        Widths are powers of two, so that rounding misses no bin; windows are made of whole bins.
        """
        width, n = 0.0, 0
        may = self.form in ("", "time-binned")
        if may and self._own_delays and math.isfinite(self.shortest):
            taus = [self.network.parameters[f"{key}/{name}"].min() for name in self._own_delays
                    for key in ("tau_mem", "tau_syn")]  # fmt: skip
            width = 2.0 ** math.floor(math.log2(min(*taus, 2 * self.shortest) / 8))
            n = int(self.shortest / width)
        binned = [self.eventprop.prepare_bins(self.numbers[name], width, n) for name in self._own_delays]
        if self.form == "time-binned" and not any(binned):
            raise ConfigError(
                "nothing can be binned in time: that needs loops, dense synapses with delays of their own, "
                "neurons of equal constants whose tau_mem is not tau_syn, and time_constants=False"
            )
        self.bin_width, self.n_bins = (width, n) if any(binned) else (0.0, 0)

    def windows(self, until: float, n_input: int) -> tuple[float, int, float]:
        """Return width and number of windows of a run, and the width of their bins, 0 if there are none.

        `n_input` is the largest number of input spikes of a sample.

        Raises
        ------
        ConfigError
            If the run could go on for ever.
        """
        if math.isfinite(self.shortest):
            if not math.isfinite(until):
                raise ConfigError("a network with loops needs a finite `until`")
            if self.bin_width and until / self.bin_width < 2**31:  # bins are counted in 32 bits
                width, bin_width = self.n_bins * self.bin_width, self.bin_width
            else:
                width, bin_width = self.shortest, 0.0
            return width, max(1, math.ceil(until / width)), bin_width
        network = self.network
        if not math.isfinite(until):
            for name in self.neurons:
                fixed, model = network.fixed[name], network.net.populations[name].model
                drive = fixed["i_ext"] * network.parameters[f"tau_mem/{name}"] / fixed["c_mem"]
                rest = fixed["v_leak"] + drive
                if not model.first_spike_only and (rest >= network.parameters[f"v_th/{name}"]).any():
                    raise ConfigError(f"i_ext makes {name!r} spike for ever, which needs a finite `until`")
            return math.inf, 1, 0.0
        fan_out = max((p.n_synapses / max(p.n_pre, 1) for p in network.pathways), default=0.0)
        n = max(1, int(n_input * fan_out // CHUNK))
        return until / n, n, 0.0
