"""A plasticity rule of one's own: two functions in Python, called at the spikes of both sides."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim import rng
from eventsim.errors import ConfigError
from eventsim.parameters import one_number, whole_number
from eventsim.states import state_array

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses

__all__ = ["CustomRule", "PlasticSynapses", "SpikeTraces"]

DELAYS = ("axonal", "dendritic")


class SpikeTraces:
    """Traces that jump at spikes and decay in closed form in between: tau dx/dt = -x.

    Parameters
    ----------
    n : int
    tau : float
        Time constant, in the network's time unit.
    """

    def __init__(self, n: int, tau: float) -> None:
        if not one_number(tau, "tau") > 0:
            raise ValueError(f"tau of a trace must be positive, got {tau!r}")
        self.tau = float(tau)
        self.values = np.zeros(whole_number(n, "n"))  # just after the last spike
        self.times = np.zeros(n)  # of the last spike

    def at(self, time: float, units: Any = slice(None)) -> NDArray[np.float64]:
        """Return the values of all units, or of some, at a time not before their last spikes."""
        return np.asarray(self.values[units] * np.exp((self.times[units] - time) / self.tau))

    def add(self, time: float, units: Any, amount: ArrayLike = 1.0) -> None:
        """Let the traces of some units jump by an amount."""
        self.values[units] = self.at(time, units) + np.asarray(amount, float)
        self.times[units] = time

    def set(self, time: float, units: Any, value: ArrayLike = 1.0) -> None:
        """Let the traces of some units jump to a value."""
        self.values[units] = value
        self.times[units] = time


class PlasticSynapses:
    """The synapses of one projection, as a rule of one's own sees them.

    Attributes
    ----------
    weight : ndarray, shape (n,)
        Present weights, in the order of `Simulation.weights`; a rule changes them in place.
    pre, post : ndarray, shape (n,), int64
        Source and target of each synapse.
    delay : ndarray, shape (n,)
    n, n_pre, n_post : int
        Synapses, sources and targets.
    reached : slice
        In `on_pre`, the synapses that the spike reaches now. Where delays differ within a source, its spike
        reaches groups of them one after another, and `on_pre` is called for each group.
    """

    def __init__(self, synapses: Synapses) -> None:
        self.pre, self.post, _, self.delay = synapses.edges()
        self._weight: NDArray[np.float64] = synapses.arrays["weight"]
        self.n, self.n_pre, self.n_post = synapses.n, synapses.pre.n, synapses.post.n
        self.reached = slice(0, 0)
        self._starts = np.searchsorted(self.pre, np.arange(self.n_pre + 1))
        self._by_target = np.argsort(self.post, kind="stable")
        self._ends = np.searchsorted(self.post[self._by_target], np.arange(self.n_post + 1))

    @property
    def weight(self) -> NDArray[np.float64]:
        """Present weights, shape (n,)."""
        return self._weight

    @weight.setter
    def weight(self, values: ArrayLike) -> None:
        self._weight[:] = values

    def of_source(self, unit: int) -> slice:
        """Return the synapses of a source."""
        return slice(int(self._starts[unit]), int(self._starts[unit + 1]))

    def of_target(self, unit: int) -> NDArray[np.int64]:
        """Return the numbers of the synapses of a target."""
        return np.asarray(self._by_target[self._ends[unit] : self._ends[unit + 1]])


class CustomRule:
    """Plasticity rule whose functions a user writes, in a subclass.

    A simulation works on a copy of the rule. It sets `synapses` and `rng` and calls `start`. Arrays, numbers
    and `SpikeTraces` that `start` makes as attributes are the state: snapshots hold them, and they go back
    with a simulation. Names that begin with an underscore are not part of it.

    Attributes
    ----------
    delay : {"axonal", "dendritic"}
        Axonal: the rule sees a spike of a source when it arrives, one of a target at once. Dendritic, as in
        NEST: it sees a spike of a source at its emission time, when it arrives, and one of a target a delay
        later. This needs one delay for all synapses, and runs on the windows schedule too. A spike of a
        target comes before one of a source of the same time.
    synapses : PlasticSynapses
    rng : numpy.random.Generator
        Drawn anew for every trial.

    Examples
    --------
    Weights grow with the trace of the source, whenever the target spikes.

    >>> import eventsim as es
    >>> from eventsim.models.plasticity import CustomRule, SpikeTraces
    >>> class Hebb(CustomRule):
    ...     def start(self):
    ...         self.x = SpikeTraces(self.synapses.n_pre, tau=20.0)
    ...     def on_pre(self, time, unit):
    ...         self.x.add(time, unit)
    ...     def on_post(self, time, unit):
    ...         k = self.synapses.of_target(unit)
    ...         self.synapses.weight[k] += 0.1 * self.x.at(time, self.synapses.pre[k])
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[10.0]), 1)
    >>> _ = net.add("teacher", es.models.SpikeSource(times=[30.0]), 1)
    >>> _ = net.add("cell", es.models.LIFDelta(v_th=1.0), 1)
    >>> _ = net.connect("input", "cell", weight=0.5)
    >>> _ = net.connect("teacher", "cell", weight=2.0)
    >>> net.add_plasticity("input->cell", Hebb())
    >>> sim = es.Simulation(net)
    >>> sim.run(100.0)
    >>> sim.weights("input->cell")[2].round(6)  # 0.5 + 0.1 / e
    array([0.536788])
    """

    delay: str = "axonal"
    synapses: PlasticSynapses
    rng: np.random.Generator
    follows_targets: ClassVar[bool] = True
    _names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={value!r:.40}" for key, value in vars(self).items() if key[0] != "_")
        return f"{type(self).__name__}({values})"

    def start(self) -> None:
        """Make the state; `synapses` and `rng` are there."""

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return None if self.delay == "dendritic" else f"{type(self).__name__} with delay='axonal'"

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError(f"{type(self).__name__} acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let a copy of this rule change the weights of a projection."""
        from eventsim.models.plasticity._custom_rule import PythonRule

        kind, name = type(self).__name__, synapses.name
        if not any(callable(getattr(self, each, None)) for each in ("on_pre", "on_post")):
            raise ConfigError(f"{kind} needs on_pre(time, unit), on_post(time, unit) or both")
        if self.delay not in DELAYS:
            raise ConfigError(f"delay of {kind} must be one of {', '.join(DELAYS)}, got {self.delay!r}")
        if self.delay == "dendritic" and synapses.min_delay < synapses.max_delay:
            raise ConfigError(
                f"{kind} with delay='dendritic' needs one delay for all synapses of {name!r}, got several"
            )
        rule = copy.copy(self)
        observer = PythonRule(synapses, engine, rule)
        before = dict(vars(rule))
        rule.synapses = PlasticSynapses(synapses)
        rule.rng = rng.stream(seed, "rule", name, kind)
        rule.start()
        kept = [each for each, value in vars(rule).items() if value is not before.get(each)]
        rule._names = tuple(each for each in kept if each[0] != "_" and each not in ("synapses", "rng"))
        for each in rule._names:
            if not isinstance(getattr(rule, each), np.ndarray | SpikeTraces | Real):
                raise TypeError(
                    f"{each!r} of {kind} must be an array, a number or SpikeTraces, for snapshots, "
                    f"got {type(getattr(rule, each)).__name__}; begin the name of anything else with '_'"
                )
        return synapses.attach(observer, engine)

    # State ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the state as arrays."""
        found: dict[str, Any] = {"rng": _generator_words(self.rng)}
        for name in self._names:
            value = getattr(self, name)
            if isinstance(value, SpikeTraces):
                found[name] = np.stack([value.values, value.times])
            else:
                found[name] = np.array(value, None if isinstance(value, np.ndarray) else float)
        return found

    def checked_state(self, state: Any, of: str) -> dict[str, Any]:
        """Return a state as arrays of its own, or raise ValueError if this rule cannot have it."""
        if not isinstance(state, Mapping):
            raise ValueError(f"'rule' in the state of {of} must be a group, got {state!r:.60}")
        like = self.state()
        return {
            name: state_array(state, name, value.dtype, value.shape, of=of, nan=True)
            for name, value in like.items()
        }

    def put_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        _set_words(self.rng, state["rng"])
        for name in self._names:
            value, new = getattr(self, name), state[name]
            if isinstance(value, SpikeTraces):
                value.values[:], value.times[:] = new
            else:
                setattr(self, name, new.copy() if isinstance(value, np.ndarray) else type(value)(new.item()))


def _generator_words(generator: np.random.Generator) -> NDArray[np.uint64]:
    """Return the state of a generator as six words."""
    state: Any = generator.bit_generator.state
    numbers = [state["state"]["state"], state["state"]["inc"]]
    words = [word for number in numbers for word in (number & (2**64 - 1), number >> 64)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], np.uint64)


def _set_words(generator: np.random.Generator, words: NDArray[np.uint64]) -> None:
    """Put the state of a generator back."""
    low, high, inc_low, inc_high, has, integer = words.tolist()
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": low | high << 64, "inc": inc_low | inc_high << 64},
        "has_uint32": has,
        "uinteger": integer,
    }
