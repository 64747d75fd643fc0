"""A network as the gradient walk needs it: parameters as arrays, synapses target by target, windows.

The arrays of `SpikeNetwork.parameters` are what users and optimisers change in place. `load` carries their
values over to the walk, which holds synapses in an order of its own: those of one target lie together.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.connect import Pairs
from eventsim.errors import ConfigError, UnknownPart
from eventsim.models.inputs import SpikeSource
from eventsim.models.lif import LIF
from eventsim.models.rules._walk import Walk
from eventsim.network import Network, Projection
from eventsim.order import senders_first

__all__ = ["Pathway", "SpikeNetwork"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]

CONSTANTS = ("tau_mem", "tau_syn", "v_th")  # parameters of units with derivatives, as `Walk` orders them
FIXED = ("c_mem", "v_leak", "v_reset", "i_ext", "t_ref")
CHUNK = 2**21  # deliveries that a window of a network without loops is to hold, about


@dataclass(slots=True)
class Pathway:
    """A projection: who is connected, and where the walk keeps each synapse.

    Attributes
    ----------
    source, target : ndarray, shape (n_syn,), int32
        Units that each synapse joins.
    slot : ndarray, shape (n_syn,), int32
        Place of each synapse among those of the walk.
    first : ndarray, shape (n_pre + 1,), int32
        Where the synapses of a source begin when all are sorted by source.
    order : ndarray, shape (n_syn,), int64
        Synapses sorted by source, and by delay too if the walk needs that.
    weight, delay : ndarray
        The parameters; a delay has shape (1,), (n_pre, 1), (1, n_post), or the shape of the weights.
    """

    name: str
    pre: str
    post: str
    source: Indices
    target: Indices
    slot: Indices
    first: Indices
    order: Ints
    weight: Floats
    delay: Floats
    kind: str

    def delays(self) -> Floats:
        """Return the delay of each synapse, shape (n_syn,)."""
        each: Floats = self.delay.reshape(-1)
        if self.kind == "uniform":
            return np.broadcast_to(each, self.source.shape)
        if self.kind == "axonal":
            each = each[self.source]
        elif self.kind == "dendritic":
            each = each[self.target]
        return each

    def reduced(self, each: Floats) -> Floats:
        """Return the derivative in the delay parameter from that in the delay of each synapse."""
        if self.kind == "uniform":
            return np.array([each.sum()])
        if self.kind == "axonal":
            each = np.bincount(self.source, each, self.delay.size).astype(np.float64)
        elif self.kind == "dendritic":
            each = np.bincount(self.target, each, self.delay.size).astype(np.float64)
        return each.reshape(self.delay.shape)


class SpikeNetwork:
    """Checks a network and keeps a `Walk` up to date with its parameters.

    Raises
    ------
    ConfigError
        If a population is neither a SpikeSource nor LIF.
    """

    def __init__(self, net: Network, time_constants: bool) -> None:
        self.net = net
        self.names = list(net.populations)
        for name, population in net.populations.items():
            if not isinstance(population.model, LIF | SpikeSource):
                raise ConfigError(
                    f"spike gradients need LIF neurons and SpikeSource inputs, "
                    f"{name!r} is {type(population.model).__name__}"
                )
        self.neurons = [name for name, p in net.populations.items() if isinstance(p.model, LIF)]
        if not self.neurons:
            raise ConfigError("spike gradients need at least one population of LIF neurons")
        self.fixed = {name: {key: self._values(name, key) for key in FIXED} for name in self.neurons}
        self.pathways = self._pathways()
        self.n_synapses = sum(len(p.source) for p in self.pathways)
        self.parameters: Mapping[str, Floats] = MappingProxyType(self._parameters())
        numbers = {name: k for k, name in enumerate(self.names)}
        self.walk = Walk(
            [self._record(name) for name in self.names],
            [(numbers[p.pre], numbers[p.post], p.first) for p in self.pathways],
            [numbers[name] for name in self.neurons],
            self.n_synapses,
            time_constants,
        )
        self._dense: set[str] = set()  # whose inputs the walk finds without rows of synapses
        for name in self.neurons:
            into = [p for p in self.pathways if p.post == name]
            if into and all(p.weight.ndim == 2 for p in into):
                shared = all(p.kind in ("uniform", "axonal") for p in into)
                self._dense.add(name)
                self.walk.set_dense(numbers[name], int(min(p.slot[0] for p in into)), shared)
        self.numbers = numbers
        self.shortest = math.inf  # delay in a loop
        self.loaded: dict[str, Floats] = {}  # the parameters as the walk has them; replaced, never changed
        self._rising = False

    # Set up -------------------------------------------------------------------------------------------

    def _values(self, name: str, key: str) -> Floats:
        """Return a parameter of a model, shape (1,) or (n,); a copy."""
        return np.array(getattr(self.net.populations[name].model, key), np.float64).reshape(-1)

    def _parameters(self) -> dict[str, Floats]:
        found = {f"weight/{p.name}": p.weight for p in self.pathways}
        found |= {f"delay/{p.name}": p.delay for p in self.pathways}
        for key in CONSTANTS:
            found |= {f"{key}/{name}": self._values(name, key) for name in self.neurons}
        return found

    def _record(self, name: str) -> tuple[int, bool, bool, Floats | None, Floats | None]:
        population = self.net.populations[name]
        model = population.model
        if name not in self.neurons:
            return population.n, True, False, None, None
        start = model.v_leak if model.v_init is None else model.v_init
        v_init, i_init = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(x, np.float64).reshape(-1), population.n))
            for x in (start, model.i_init)
        )
        return population.n, False, bool(model.first_spike_only), v_init, i_init

    def _pathways(self) -> list[Pathway]:
        pathways = [self._pathway(projection) for projection in self.net.projections]
        start = 0
        for name in self.neurons:
            into = [p for p in pathways if p.post == name]
            if not into:
                continue
            targets = np.concatenate([p.target for p in into])
            if start + len(targets) >= 2**31:
                raise ConfigError(
                    f"the network has more than {2**31 - 1} synapses, too many for the gradient walk"
                )
            slots = np.empty(len(targets), np.int32)
            slots[np.argsort(targets, kind="stable")] = np.arange(start, start + len(targets), dtype=np.int32)
            start += len(targets)
            for p, part in zip(
                into, np.split(slots, np.cumsum([len(p.target) for p in into])[:-1]), strict=True
            ):
                p.slot = np.ascontiguousarray(part)
        return pathways

    def _pathway(self, projection: Projection) -> Pathway:
        synapses = projection.resolve(self.net)
        source = np.ascontiguousarray(synapses.sources(), np.int32)
        target = np.ascontiguousarray(synapses.targets(), np.int32)
        shape = (synapses.n_pre, synapses.n_post) if synapses.dense else (synapses.n_syn,)
        weight = np.array(np.broadcast_to(np.asarray(synapses.weight, np.float64), shape))
        delay: Any = np.asarray(synapses.delay, np.float64)
        declared: Any = projection.delay
        if delay.ndim == 0:
            kind, delay = "uniform", np.array([float(delay)])
        elif synapses.delay_kind == "axonal":
            kind, delay = "axonal", np.array(delay).reshape(-1, 1)
        elif isinstance(declared, np.ndarray) and declared.shape == (1, synapses.n_post):
            kind, delay = "dendritic", np.array(declared, np.float64)
        else:
            kind, delay = "synaptic", np.array(delay).reshape(shape)
        first = np.zeros(synapses.n_pre + 1, np.int32)
        np.cumsum(np.bincount(source, minlength=synapses.n_pre), out=first[1:])
        order = np.argsort(source, kind="stable")
        return Pathway(
            projection.name,
            projection.pre,
            projection.post,
            source,
            target,
            target,
            first,
            order,
            weight,
            delay,
            kind,
        )

    # Values -------------------------------------------------------------------------------------------

    def load(self, rising: bool = False) -> None:
        """Carry the parameters over to the walk if they have changed; `rising`: rows sorted by delay.

        Raises
        ------
        ValueError
            If one of them does not do.
        ConfigError
            If populations reach each other in a circle without delay.
        """
        same = self.holds(self.loaded)
        if same and rising <= self._rising:
            return
        self._check()
        before, self.loaded = self.loaded, {}  # if what follows fails, the next call does it anew
        weights, delays = np.empty(self.n_synapses), np.empty(self.n_synapses)
        for p in self.pathways:
            weights[p.slot] = p.weight.reshape(-1)
            delays[p.slot] = p.delays()
        self.walk.set_weights(weights, delays)
        loop = self._set_order()
        for k, p in enumerate(self.pathways):
            self._set_link(k, p, rising or loop)
        for name in self.neurons:
            values = {key: self.parameters[f"{key}/{name}"] for key in CONSTANTS}
            self.walk.set_cells(self.numbers[name], values | self.fixed[name])
        self.loaded = before if same else {key: value.copy() for key, value in self.parameters.items()}
        self._rising = rising or loop

    def holds(self, values: Mapping[str, Floats]) -> bool:
        """Return whether the parameters have these values."""
        return bool(values) and all(
            np.array_equal(values[key], value) for key, value in self.parameters.items()
        )

    def _check(self) -> None:
        for key, value in self.parameters.items():
            kind, name = key.split("/", 1)
            what = f"{kind} of {name!r}"
            if not np.isfinite(value).all() and not (kind == "v_th" and (value > -np.inf).all()):
                raise ValueError(f"{what} must be finite, got {value[~np.isfinite(value)][0]}")
            if kind == "delay" and value.min(initial=0.0) < 0:
                raise ValueError(f"{what} must not be negative, got {value.min()}")
            if kind.startswith("tau") and value.min() <= 0:
                raise ValueError(f"{what} must be positive, got {value.min()}")
            if kind == "v_th":
                for floor in ("v_reset", "v_leak"):
                    if (self.fixed[name][floor] >= value).any():
                        raise ValueError(f"{what} must be above {floor}, got {value.min()}")

    def _set_order(self) -> bool:
        """Tell the walk in which order to take the populations; returns whether there is a loop."""
        reached = {name: {p.post for p in self.pathways if p.pre == name} for name in self.neurons}
        for name in self.neurons:  # transitive closure
            for other in self.neurons:
                if name in reached[other]:
                    reached[other] |= reached[name]
        instant: list[tuple[str, str]] = []
        shortest = math.inf
        for p in self.pathways:
            if p.pre not in reached or not len(p.source):
                continue
            least = float(p.delay.min())
            if p.pre in reached[p.post] and least > 0:
                shortest = min(shortest, least)
            else:
                instant.append((p.pre, p.post))
        order = senders_first(self.neurons, instant)
        self.walk.set_order([self.numbers[name] for name in order])
        # A bit less than the delay, so that rounding lets no spike arrive in the window it was emitted in.
        self.shortest = (1 - 1e-9) * shortest
        return math.isfinite(shortest)

    def _set_link(self, k: int, p: Pathway, rising: bool) -> None:
        delay, row_delay = None, None
        target, slot = p.target, p.slot
        if p.kind in ("uniform", "axonal"):
            row_delay = np.ascontiguousarray(np.broadcast_to(p.delay.reshape(-1), len(p.first) - 1))
        else:
            delay = np.ascontiguousarray(p.delays())
        if p.post not in self._dense:
            order = p.order
            if delay is not None:
                if rising:
                    order = np.lexsort((delay, p.source))
                delay = np.ascontiguousarray(delay[order])
            target, slot = np.ascontiguousarray(target[order]), np.ascontiguousarray(slot[order])
        least, most = (float(p.delay.min()), float(p.delay.max())) if len(p.source) else (math.inf, 0.0)
        self.walk.set_link(k, target, slot, delay, row_delay, least, most, rising)

    def readout(self, name: str) -> int:
        """Return where the largest membranes of a population begin in a sample, -1 if it can spike."""
        if name not in self.numbers:
            raise UnknownPart(f"no population is named {name!r}; known: {', '.join(self.names)}")
        return self.walk.readout(self.numbers[name])

    def declared(self) -> Network:
        """Return the network as declared, with the present parameters."""
        net = copy.copy(self.net)
        net.populations = dict(net.populations)
        for name in self.neurons:
            values = {key: self.parameters[f"{key}/{name}"].copy() for key in CONSTANTS}
            scalars = {key: float(value[0]) if value.size == 1 else value for key, value in values.items()}
            population = net.populations[name]
            net.populations[name] = replace(population, model=replace(population.model, **scalars))
        net.projections = []
        for projection, p in zip(self.net.projections, self.pathways, strict=True):
            rule = projection.rule if p.weight.ndim == 2 else Pairs(p.source, p.target)
            delay = float(p.delay[0]) if p.kind == "uniform" else p.delay.copy()
            net.projections.append(replace(projection, rule=rule, weight=p.weight.copy(), delay=delay))
        return net

    def windows(self, until: float, n_input: int) -> tuple[float, int]:
        """Return width and number of windows of a run.

        `n_input` is the largest number of input spikes of a sample.

        Raises
        ------
        ConfigError
            If the run could go on for ever.
        """
        if math.isfinite(self.shortest):
            if not math.isfinite(until):
                raise ConfigError("a network with loops needs a finite `until`")
            return self.shortest, max(1, math.ceil(until / self.shortest))
        if not math.isfinite(until):
            for name in self.neurons:
                fixed, model = self.fixed[name], self.net.populations[name].model
                rest = fixed["v_leak"] + fixed["i_ext"] * self.parameters[f"tau_mem/{name}"] / fixed["c_mem"]
                if not model.first_spike_only and (rest >= self.parameters[f"v_th/{name}"]).any():
                    raise ConfigError(f"i_ext makes {name!r} spike for ever, which needs a finite `until`")
            return math.inf, 1
        fan_out = max((len(p.source) / max(len(p.first) - 1, 1) for p in self.pathways), default=0.0)
        n = max(1, int(n_input * fan_out // CHUNK))
        return until / n, n
