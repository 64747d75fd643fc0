"""Leaky integrate-and-fire neurons with several receptors, and with adaptation, exact between events.

    c_mem dv/dt = -(c_mem / tau_mem) (v - v_leak) + sum_k i_k - w + i_ext(t)
    tau_w dw/dt = -w            tau_theta dtheta/dt = -theta

A unit spikes when v reaches v_th + theta from below; then v = v_reset for t_ref, w grows by b and theta by
theta_jump. Each receptor k has its own course of current (`receptors.py`), and i_ext may be a current over
time (`eventsim.models.inputs.currents`). All of this is linear between spikes: the flow is a closed form, and
the crossing is the first root, found from below by parabolas that lie above the membrane (`course.pxd`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from eventsim.models.inputs.currents import Current, check_current, is_current
from eventsim.models.lif.lif import refuse_above_threshold
from eventsim.models.lif.linear import NO_ADAPTATION, differentiable, linear_population
from eventsim.models.lif.receptors import ExponentialSynapse, receptor_table, with_time_constants
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.population import Population

_MEMBRANE = ("tau_mem", "c_mem", "v_th", "v_leak", "v_reset", "t_ref")
_ADAPTATION = ("tau_w", "b", "w_init", "tau_theta", "theta_jump", "theta_init")
_POSITIVE = ("tau_mem", "tau_syn", "c_mem", "tau_w", "tau_theta")
_NOT_NEGATIVE = ("t_ref", "theta_jump", "theta_init")


class _Linear:
    """What the neurons here share."""

    __slots__ = ()
    is_source: ClassVar[bool] = False
    _own: ClassVar[tuple[str, ...]]
    i_ext: ArrayLike | Current
    v_init: ArrayLike | None
    i_init: ArrayLike | Mapping[str, ArrayLike]
    first_spike_only: bool

    def _synapses(self) -> Any:
        raise NotImplementedError

    @property
    def _named(self) -> bool:
        """Whether receptors are given, so that their time constants have names of their own."""
        return getattr(self, "synapses", None) is not None

    @property
    def receptors(self) -> dict[str, int]:
        """Names of the receptors with their numbers; ``net.connect(..., receptor=name)`` takes one."""
        synapses = self._synapses()
        return {str(name): k for k, name in enumerate(synapses if isinstance(synapses, Mapping) else ())}

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded; ``i_NAME`` is the current of a receptor, if there are several."""
        names = tuple(self.receptors)
        return ("v", "i_syn", *(f"i_{name}" for name in names if len(names) > 1), "w", "theta", "i_ext")

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on; a current over time stays what it is."""
        names = (*_MEMBRANE, *(name for name in self._own if not name.endswith("_init")))
        return names if is_current(self.i_ext) else (*names, "i_ext")

    def check(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if a parameter does not fit the `n` units of `name`."""
        self.parameters(n, name)

    def parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return all parameters, checked, as the population takes them."""
        values: dict[str, Any] = dict(NO_ADAPTATION)
        for key in (*_MEMBRANE, *self._own):
            values[key] = per_unit(
                getattr(self, key),
                n,
                key,
                name,
                positive=key in _POSITIVE,
                nonnegative=key in _NOT_NEGATIVE,
                allow_inf=key in ("v_th", "t_ref"),
            )
        refuse_above_threshold(values, name)
        check_current(self.i_ext, n, name)
        values["i_ext"] = self.i_ext if is_current(self.i_ext) else per_unit(self.i_ext, n, "i_ext", name)
        values["v_init"] = None if self.v_init is None else per_unit(self.v_init, n, "v_init", name)
        table = receptor_table(self._synapses(), n, name)
        start = self._initial_currents(n, name, [row[0] for row in table])
        values["receptors"] = tuple((*row, i) for row, i in zip(table, start, strict=True))
        return values

    def _initial_currents(self, n: int, name: str, names: list[str]) -> list[Any]:
        if not isinstance(self.i_init, Mapping):
            given: Mapping[str, Any] = {names[0]: self.i_init}
        else:
            given = self.i_init
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ValueError(
                f"i_init of {name!r} names {unknown[0]!r}, which is no receptor; known: {', '.join(names)}"
            )
        return [per_unit(given.get(key, 0.0), n, f"i_init of receptor {key!r}", name) for key in names]

    def differentiable(self, n: int, name: str) -> Differentiable:
        """Return these neurons as the adjoint pass takes them."""
        parameters = self.parameters(n, name)
        return differentiable(parameters, n, self.first_spike_only, not self._named)

    def with_values(self, values: Mapping[str, Any]) -> Any:
        """Return the neuron with other parameters, by the names that gradients give them."""
        own: dict[str, Any] = {key: value for key, value in values.items() if hasattr(self, key)}
        if self._named:
            own["synapses"] = with_time_constants(self._synapses(), values)
        return replace(self, **own)  # type: ignore[type-var]

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        parameters = self.parameters(context.n, context.name)
        return linear_population(parameters, self.i_ext, context, self.first_spike_only)


@register("neuron", "lif-multisynapse")
@dataclass(frozen=True, slots=True)
class MultiSynapseLIF(_Linear):
    """Leaky integrate-and-fire neuron with several receptors, each with its own course of current.

    Attributes
    ----------
    synapses : mapping of str to synapse or array_like
        The receptors by name: an `ExponentialSynapse`, `AlphaSynapse`, `DoubleExponentialSynapse` or
        `DeltaSynapse`; a time constant stands for an exponential one. ``net.connect(..., receptor=name)``
        says which one a connection reaches, the first unless given.
    i_init : array_like or mapping of str to array_like
        Synaptic current at time 0, by receptor or of the first; it decays with tau, of a double exponential
        with tau_decay.
    tau_mem : array_like
        Membrane time constant, time, > 0.
    c_mem : array_like
        Membrane capacitance, current * time / potential, > 0.
    v_th : array_like
        Threshold, potential; inf for a readout that never spikes.
    v_leak : array_like
        Leak (resting) potential, below v_th.
    v_reset : array_like
        Potential after a spike and during the refractory time, below v_th.
    i_ext : array_like or current
        Constant current; or a current over time, such as `StepCurrent` or `SineCurrent`.
    t_ref : array_like
        Refractory time, time; inf for one spike only.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    first_spike_only : bool
        Whether a unit is silent after its first spike.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    >>> synapses = {"fast": 0.5, "slow": es.models.AlphaSynapse(4.0)}
    >>> _ = net.add("cell", es.models.MultiSynapseLIF(synapses, tau_mem=2.0), 1)
    >>> _ = net.connect("input", "cell", weight=0.8, receptor="slow")
    >>> sim = es.Simulation(net)
    >>> sim.run(10.0)
    >>> sim.spikes("cell").times.round(6)
    array([4.287904, 6.29877 , 9.2034  ])
    """

    synapses: Mapping[str, Any] = field(default_factory=lambda: {"input": 1.0})
    tau_mem: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike | Current = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike | Mapping[str, ArrayLike] = 0.0
    first_spike_only: bool = False

    paper: ClassVar[str] = (
        "Rotter and Diesmann 1999, Exact digital simulation of time-invariant linear systems"
    )
    _own: ClassVar[tuple[str, ...]] = ()
    __repr__ = one_line

    def _synapses(self) -> Any:
        return self.synapses


@register("neuron", "lif-adaptive")
@dataclass(frozen=True, slots=True)
class AdaptiveLIF(_Linear):
    """Leaky integrate-and-fire neuron whose spikes raise its threshold, or draw a current, for a while.

    At each spike w grows by b and the threshold by theta_jump; both decay between spikes.

    Attributes
    ----------
    tau_w : array_like
        Time constant of the current of adaptation w, time, > 0.
    b : array_like
        What a spike adds to w, current.
    w_init : array_like
        w at time 0.
    tau_theta : array_like
        Time constant of the threshold's adaptation, time, > 0.
    theta_jump : array_like
        What a spike adds to the threshold, potential, >= 0.
    theta_init : array_like
        How far the threshold is above v_th at time 0, >= 0.
    synapses : mapping of str to synapse or array_like, optional
        Several receptors as in `MultiSynapseLIF`; one exponential receptor of `tau_syn` unless given.
    tau_mem : array_like
        Membrane time constant, time, > 0.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    c_mem : array_like
        Membrane capacitance, current * time / potential, > 0.
    v_th : array_like
        Threshold at rest, potential.
    v_leak : array_like
        Leak (resting) potential, below v_th.
    v_reset : array_like
        Potential after a spike and during the refractory time, below v_th.
    i_ext : array_like or current
        Constant current; or a current over time, such as `StepCurrent` or `SineCurrent`.
    t_ref : array_like
        Refractory time, time; inf for one spike only.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    i_init : array_like or mapping of str to array_like
        Synaptic current at time 0.
    first_spike_only : bool
        Whether a unit is silent after its first spike.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("cell", es.models.AdaptiveLIF(tau_mem=10.0, i_ext=0.15, b=0.05), 1)
    >>> sim = es.Simulation(net)
    >>> sim.run(200.0)
    >>> sim.spikes("cell").times.round(3)  # intervals grow
    array([ 10.986,  36.855, 104.722, 179.439])
    """

    tau_mem: ArrayLike = 1.0
    tau_syn: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike | Current = 0.0
    t_ref: ArrayLike = 0.0
    tau_w: ArrayLike = 100.0
    b: ArrayLike = 0.0
    w_init: ArrayLike = 0.0
    tau_theta: ArrayLike = 100.0
    theta_jump: ArrayLike = 0.0
    theta_init: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike | Mapping[str, ArrayLike] = 0.0
    synapses: Mapping[str, Any] | None = None
    first_spike_only: bool = False

    paper: ClassVar[str] = "Kobayashi et al. 2009, Made-to-order spiking neuron model"
    _own: ClassVar[tuple[str, ...]] = ("tau_syn", *_ADAPTATION)
    __repr__ = one_line

    def _synapses(self) -> Any:
        return {"input": ExponentialSynapse(self.tau_syn)} if self.synapses is None else self.synapses
