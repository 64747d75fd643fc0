"""Plasticity by a processor beside the synapses: a kernel, written in Python, that runs at every period.

Between its runs correlation sensors accumulate nearest-neighbour pairs at each synapse,

    causal += amplitude_plus e^(-(t_post - t_pre) / tau_plus)
    anticausal += amplitude_minus e^(-(t_pre - t_post) / tau_minus)

up to a ceiling. The kernel reads sensors, weights, labels and counts of events, and writes weights and
labels: weights are whole numbers of `weight_bits` bits times a step, with the sign that all synapses of the
projection share, as those of a row do; a label says which source a synapse listens to. So a kernel can
rewire. Schemmel et al. 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.connect.connections import Connections
from eventsim.engine import Engine, PythonHandler
from eventsim.engine.priorities import Priority
from eventsim.errors import ConfigError
from eventsim.parameters import one_number, whole_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments
from eventsim.states import LATEST, not_after, state_arrays, state_number
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim.synapses import Synapses


@dataclass(slots=True)
class SynapseRows:
    """What a kernel sees, and changes in place.

    Attributes
    ----------
    time, period : of this run of the kernel, and between two.
    weight : ndarray of int, shape (n_syn,)
        Steps of the weight, without sign; cut to 0..weight_max afterwards.
    label : ndarray of int, shape (n_syn,)
        Unit of the source population that a synapse listens to; may be changed.
    target : ndarray of int, shape (n_syn,)
        Unit that it leads to; stays.
    causal, anticausal : ndarray, shape (n_syn,)
        Accumulators of the sensors; emptied afterwards.
    events : ndarray of int, shape (n_post,)
        Events of each target since the kernel ran before.
    n_labels, weight_max : int
    random : numpy Generator, of this run of the kernel alone.
    """

    time: float
    period: float
    weight: Ints
    label: Ints
    target: Ints
    causal: Floats
    anticausal: Floats
    events: Ints
    n_labels: int
    weight_max: int
    random: np.random.Generator

    def add(self, change: Floats) -> None:
        """Add to the weights, rounded down or up at random so that the mean is right."""
        noise = self.random.random(len(self.weight))
        self.weight[:] = np.clip(self.weight + np.floor(change + noise), 0, self.weight_max)

    def draw_labels(self, which: NDArray[Any], distinct: bool = False) -> None:
        """Let the synapses marked in `which` listen to sources drawn at random.

        With `distinct` to none that another synapse of the same target listens to, as long as there are such.
        """
        which = np.asarray(which, bool)
        if not distinct:
            n = int(np.count_nonzero(which))
            self.label[which] = self.random.integers(self.n_labels, size=n)
            return
        for target in np.unique(self.target[which]):
            own = self.target == target
            drawn = own & which
            free = np.setdiff1d(np.arange(self.n_labels), self.label[own & ~which])
            n = int(np.count_nonzero(drawn))
            if len(free) < n:
                self.label[drawn] = self.random.integers(self.n_labels, size=n)
            else:
                self.label[drawn] = self.random.choice(free, n, replace=False)


Kernel = Callable[[SynapseRows], object]


@register("plasticity", "plasticity-kernel")
@renamed_arguments("argument/PlasticityKernel")
@dataclass(frozen=True, slots=True)
class PlasticityKernel:
    """Runs a Python kernel on the synapses of a projection at every period.

    Attributes
    ----------
    kernel : called with `SynapseRows`, whose weights and labels it changes.
    period : between two runs, time unit of the network.
    tau_plus, tau_minus : time constants of the sensors.
    amplitude_plus, amplitude_minus : what a pair of simultaneous events adds.
    ceiling : of an accumulator.
    weight_step : what one step of a weight is, in the unit of the projection's weights.
    weight_bits : size of a weight.

    Examples
    --------
    >>> import eventsim as es
    >>> def potentiate(rows):
    ...     rows.add(rows.causal - rows.anticausal)
    >>> net = es.Network(seed=1)
    >>> _ = net.add("in", es.models.Regular(period=20.0), 1)
    >>> _ = net.add("cell", es.models.MultiCompartment(), 1)
    >>> synapses = net.connect("in", "cell", weight=600.0, receptor="dendrite")
    >>> kernel = es.models.plasticity.PlasticityKernel(potentiate, period=100.0, weight_step=20.0)
    >>> net.add_plasticity(synapses, kernel)
    >>> sim = es.Simulation(net)
    >>> sim.run(150.0)
    >>> bool(sim.weights("in->cell")[2][0] > 600.0)
    True
    """

    kernel: Kernel
    period: float
    tau_plus: float = 10.0
    tau_minus: float = 10.0
    amplitude_plus: float = 1.0
    amplitude_minus: float = 1.0
    ceiling: float = 255.0
    weight_step: float = 1.0
    weight_bits: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not callable(self.kernel):
            raise TypeError(f"a kernel must be callable, got {self.kernel!r}")
        for name in ("period", "tau_plus", "tau_minus", "ceiling", "weight_step"):
            if not one_number(getattr(self, name), name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("amplitude_plus", "amplitude_minus"):
            one_number(getattr(self, name), name, low=0)
        whole_number(self.weight_bits, "weight_bits", 1, 31)

    def attach(self, synapses: Any) -> None:
        """Refuse projections of rates: the sensors see spikes."""
        raise ConfigError("a plasticity kernel acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine, seed: int) -> KernelRuns:
        """Let the kernel run on these synapses; returns its handler."""
        runs = KernelRuns(self, synapses, seed)
        engine.register(runs)
        engine.schedule(self.period, runs, priority=Priority.PLASTICITY)
        return runs


@dataclass(slots=True)
class _Placed:
    """Synapses as they were declared: what does not change, and what the kernel may change."""

    label: Ints
    target: Ints
    weight: Ints
    sign: float
    delay: float


class KernelRuns(PythonHandler):
    """The runs of a kernel, as events."""

    def __init__(self, rule: PlasticityKernel, synapses: Synapses, seed: int) -> None:
        super().__init__()
        from eventsim.models.plasticity._correlations import CircuitEvents, CorrelationSensors, SpikeEvents

        self.rule, self.synapses, self.seed = rule, synapses, seed
        self.placed = _as_placed(rule, synapses)
        self.n_runs = 0
        post = synapses.post
        self.sensors = CorrelationSensors(
            self.placed.target,
            post.n,
            rule.tau_plus,
            rule.tau_minus,
            rule.amplitude_plus,
            rule.amplitude_minus,
            rule.ceiling,
        )
        if hasattr(post, "add_watcher"):
            post.add_watcher(CircuitEvents(self.sensors, post.circuit_of(synapses.receptor)))
        else:
            post.add_sink(SpikeEvents(self.sensors))
        synapses.watch(self.sensors)
        self._place()

    def on_event(self, engine: Engine, time: float, unit: int, value: float) -> None:
        """Run the kernel, and wait for the next period."""
        self.n_runs += 1
        placed, arrays, rule = self.placed, self.sensors.arrays, self.rule
        rows = SynapseRows(
            time,
            rule.period,
            placed.weight.copy(),
            placed.label.copy(),
            placed.target,
            arrays["causal"],
            arrays["anticausal"],
            arrays["n_events"],
            self.synapses.pre.n,
            2**rule.weight_bits - 1,
            rng.stream(self.seed, "kernel", self.synapses.name, self.n_runs),
        )
        rule.kernel(rows)
        if not ((rows.label >= 0) & (rows.label < rows.n_labels)).all():
            raise ValueError(
                f"the kernel of {self.synapses.name!r} gave a label that is not from 0 to {rows.n_labels - 1}"
            )
        placed.weight[:] = np.clip(rows.weight, 0, rows.weight_max)
        moved = rows.label != placed.label
        placed.label[:] = rows.label
        # A synapse that listens to another source has seen nothing of it.
        arrays["last_arrival"][moved] = -np.inf
        self.sensors.clear()
        arrays["n_events"][:] = 0
        self._place()
        engine.schedule((self.n_runs + 1) * rule.period, self, priority=Priority.PLASTICITY)

    def _place(self) -> None:
        """Lay the synapses out as labels and weights are now."""
        placed = self.placed
        self.synapses.place(
            Connections(
                self.synapses.pre.n,
                self.synapses.post.n,
                pre=placed.label.astype(np.int32),
                post=placed.target.astype(np.int32),
                weight=placed.weight * (placed.sign * self.rule.weight_step),
                delay=placed.delay,
            )
        )
        self.sensors.stored_as(np.argsort(placed.label, kind="stable"))

    def snapshot(self) -> dict[str, Any]:
        """Return weights, labels, sensors and the number of runs."""
        arrays = {name: array.copy() for name, array in self.sensors.arrays.items()}
        return arrays | {
            "label": self.placed.label.copy(),
            "weight": self.placed.weight.copy(),
            "n_runs": self.n_runs,
        }

    def check_state(
        self, state: Mapping[str, Any], time: float | None = None, crossings: Any = None
    ) -> dict[str, Any]:
        """Return arrays and numbers of a state, or raise ValueError if they cannot be; nothing changes."""
        placed, of = self.placed, self.synapses.name
        full = (0.0, not_after(self.rule.ceiling))
        bounds = {"causal": full, "anticausal": full, "n_events": (0, LATEST)}
        found: dict[str, Any] = dict(state_arrays(state, self.sensors.arrays, bounds, of=of))
        found |= state_arrays(
            state,
            {"label": placed.label, "weight": placed.weight},
            {"label": (0, self.synapses.pre.n), "weight": (0, 2**self.rule.weight_bits)},
            of=of,
        )
        found["n_runs"] = n_runs = state_number(state, "n_runs", np.int64, 0, LATEST, of=of)
        if time is not None and not n_runs * self.rule.period <= time <= (n_runs + 1) * self.rule.period:
            raise ValueError(f"'n_runs' in the state of {of} is {n_runs}, but the clock is at {time!r}")
        return found

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.sensors.arrays.items():
            array[...] = state[name]
        self.placed.label[:], self.placed.weight[:] = state["label"], state["weight"]
        self.n_runs = state["n_runs"]
        self._place()


def _as_placed(rule: PlasticityKernel, synapses: Synapses) -> _Placed:
    """Return the synapses of a projection as a kernel takes them; raises ConfigError if it cannot."""
    label, target, weight, delay = synapses.edges()
    name = synapses.name
    if not len(label):
        raise ConfigError(f"{name!r} has no synapses for a kernel to act on")
    if delay.min() != delay.max():
        raise ConfigError(f"a kernel needs one delay for all synapses of {name!r}, which has several")
    if weight.min() < 0 < weight.max():
        raise ConfigError(
            f"the synapses of {name!r} must share one sign, as those of a row do; make two projections"
        )
    steps = np.rint(np.abs(weight) / rule.weight_step).astype(np.int64)
    most = 2**rule.weight_bits - 1
    if steps.max() > most:
        raise ConfigError(
            f"a weight of {name!r} is {steps.max()} steps of {rule.weight_step:g}, "
            f"at most {most} are possible"
        )
    return _Placed(label, target, steps, -1.0 if weight.min() < 0 else 1.0, float(delay[0]))
