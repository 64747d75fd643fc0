"""Nonlinear integrate-and-fire neurons: adaptive exponential, exponential, quadratic and Izhikevich's.

Each unit follows the Taylor series of its state from event to event (`_series_neurons.pyx`), or, with a
current over time, an adaptive solver of order 5 (`_solver.pyx`). A spike lies where v reaches v_peak, and is
located to the last bits. A spike that arrives adds its weight to i_syn, which decays with tau_syn, or with
``synapse="delta"`` to v. While a unit is refractory v stays at v_reset, and i_syn and the adaptation go on;
inputs of a delta synapse are lost then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import ArrayLike

from eventsim.io.plain import shown
from eventsim.models.inputs.currents import Current, is_current, sources_of
from eventsim.models.neurons.solved import (
    as_solved,
    checked_with_current,
    differentiable,
    population,
    refuse_reset,
)
from eventsim.parameters import one_line
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.models.neurons.dynamics import Dynamics
    from eventsim.population import Population


class _Solved:
    """What the neurons here share; a subclass names its parameters in the order of its equations."""

    __slots__ = ()
    is_source: ClassVar[bool] = False
    variables: ClassVar[tuple[str, ...]]
    synapse: str
    i_ext: Any
    _constants: ClassVar[tuple[str, ...]]
    _initial: ClassVar[tuple[str, ...]]
    _reset: ClassVar[str] = "v_reset"

    def _values(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters; an initial value that is not given is what it stands for."""
        if self.synapse not in ("exponential", "delta"):
            raise ValueError(
                f"synapse of {name!r} must be 'exponential' or 'delta', got {shown(self.synapse)}"
            )
        given = [key for key in self._initial if getattr(self, key) is not None]
        values = checked_with_current(self, (*self._constants, "t_ref", *given), n, name)
        refuse_reset(values, self._reset, "v_peak", name)
        for key in self._initial:
            values.setdefault(key, self._rest(values, key))
        return values

    def _rest(self, values: dict[str, Any], key: str) -> Any:
        return values["v_leak"]

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        self._values(n, name)

    def _equations(self) -> Dynamics:
        raise NotImplementedError

    def _columns(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters by name in the order of the equations."""
        columns = {key: values[key] for key in self._constants}
        items = list(columns.items())
        items.insert(self._constants.index("tau_syn") + 1, ("is_delta", float(self.synapse == "delta")))
        return dict(items)

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on; a current over time stays what it is."""
        names = tuple(key for key in self._constants if key != "i_ext" or not is_current(self.i_ext))
        return (*names, "t_ref")

    def solver_parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters as the population takes them."""
        values = self._values(n, name)
        return as_solved(list(self._columns(values).values()), values["t_ref"], n)

    def differentiable(self, n: int, name: str) -> Differentiable:
        """Return these neurons as the adjoint pass takes them."""
        values = self._values(n, name)
        columns = self._columns(values)
        unused = ("is_delta", "tau_syn") if self.synapse == "delta" else ("is_delta",)
        derived = tuple("" if key in unused else key for key in columns)
        initial = [values[key] for key in self._initial]
        return differentiable(n, self._equations(), columns, derived, initial, self, values["t_ref"])

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        values = self._values(context.n, context.name)
        columns = self._columns(values)
        initial = [values[key] for key in self._initial]
        return population(
            context.n,
            context.name,
            self._equations(),
            self.variables,
            list(columns.values()),
            initial,
            self,
            values["t_ref"],
            sources_of(self.i_ext, context) if is_current(self.i_ext) else (),
            list(columns).index("i_ext"),
        )


@register("neuron", "adex")
@dataclass(frozen=True, slots=True)
class AdEx(_Solved):
    """Adaptive exponential integrate-and-fire neuron (Brette and Gerstner 2005).

        c_mem dv/dt = g_leak (v_leak - v) + g_leak delta_t exp((v - v_t) / delta_t) - w + i_syn + i_ext
        tau_w dw/dt = a (v - v_leak) - w        v = v_reset, w = w + b at a spike

    Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    c_mem : array_like
        Capacitance, pF, > 0.
    g_leak : array_like
        Leak conductance, nS, > 0.
    v_leak : array_like
        Leak (resting) potential, mV.
    v_t : array_like
        Potential at which the upstroke begins, mV.
    delta_t : array_like
        Sharpness of the upstroke, mV, > 0.
    v_peak : array_like
        Potential at which a spike is detected, mV.
    v_reset : array_like
        Potential after a spike, mV, below v_peak.
    a : array_like
        Subthreshold adaptation, nS.
    b : array_like
        Adaptation by a spike, pA.
    tau_w : array_like
        Time constant of adaptation, time, > 0.
    i_ext : array_like or current
        Constant current, pA; or a current over time, such as `StepCurrent`.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    t_ref : array_like
        Refractory time, time.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    i_init : array_like
        Synaptic current at time 0.
    w_init : array_like
        Adaptation at time 0.
    synapse : {"exponential", "delta"}
        Whether the weight of an input is added to the synaptic current or to the membrane.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.
    """

    c_mem: ArrayLike = 281.0
    g_leak: ArrayLike = 30.0
    v_leak: ArrayLike = -70.6
    v_t: ArrayLike = -50.4
    delta_t: ArrayLike = 2.0
    v_peak: ArrayLike = 0.0
    v_reset: ArrayLike = -60.0
    a: ArrayLike = 4.0
    b: ArrayLike = 80.5
    tau_w: ArrayLike = 144.0
    i_ext: ArrayLike | Current = 0.0
    tau_syn: ArrayLike = 5.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    w_init: ArrayLike = 0.0
    synapse: Literal["exponential", "delta"] = "exponential"
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = "Brette and Gerstner 2005, Adaptive exponential integrate-and-fire model"
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn", "w")
    _constants: ClassVar[tuple[str, ...]] = (
        "c_mem",
        "g_leak",
        "v_leak",
        "v_t",
        "delta_t",
        "v_peak",
        "v_reset",
        "i_ext",
        "tau_syn",
        "a",
        "b",
        "tau_w",
    )
    _initial: ClassVar[tuple[str, ...]] = ("v_init", "i_init", "w_init")
    __repr__ = one_line

    def _equations(self) -> Dynamics:
        from eventsim.models.neurons._equations import AdExEquations

        return AdExEquations()


@register("neuron", "exponential-if")
@dataclass(frozen=True, slots=True)
class ExponentialIF(_Solved):
    """Exponential integrate-and-fire neuron (Fourcaud-Trocme et al. 2003).

        c_mem dv/dt = g_leak (v_leak - v) + g_leak delta_t exp((v - v_t) / delta_t) + i_syn + i_ext

    Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    c_mem : array_like
        Capacitance, pF, > 0.
    g_leak : array_like
        Leak conductance, nS, > 0.
    v_leak : array_like
        Leak (resting) potential, mV.
    v_t : array_like
        Potential at which the upstroke begins, mV.
    delta_t : array_like
        Sharpness of the upstroke, mV, > 0.
    v_peak : array_like
        Potential at which a spike is detected, mV.
    v_reset : array_like
        Potential after a spike, mV, below v_peak.
    i_ext : array_like or current
        Constant current, pA; or a current over time, such as `StepCurrent`.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    t_ref : array_like
        Refractory time, time.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    i_init : array_like
        Synaptic current at time 0.
    synapse : {"exponential", "delta"}
        Whether the weight of an input is added to the synaptic current or to the membrane.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.
    """

    c_mem: ArrayLike = 281.0
    g_leak: ArrayLike = 30.0
    v_leak: ArrayLike = -70.6
    v_t: ArrayLike = -50.4
    delta_t: ArrayLike = 2.0
    v_peak: ArrayLike = 0.0
    v_reset: ArrayLike = -60.0
    i_ext: ArrayLike | Current = 0.0
    tau_syn: ArrayLike = 5.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    synapse: Literal["exponential", "delta"] = "exponential"
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = (
        "Fourcaud-Trocme et al. 2003, How spike generation mechanisms determine the neuronal response"
    )
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn")
    _constants: ClassVar[tuple[str, ...]] = (
        "c_mem",
        "g_leak",
        "v_leak",
        "v_t",
        "delta_t",
        "v_peak",
        "v_reset",
        "i_ext",
        "tau_syn",
    )
    _initial: ClassVar[tuple[str, ...]] = ("v_init", "i_init")
    __repr__ = one_line

    def _equations(self) -> Dynamics:
        from eventsim.models.neurons._equations import ExponentialEquations

        return ExponentialEquations()


@register("neuron", "quadratic-if")
@dataclass(frozen=True, slots=True)
class QuadraticIF(_Solved):
    """Quadratic integrate-and-fire neuron (Latham et al. 2000).

        c_mem dv/dt = k (v - v_leak) (v - v_t) + i_syn + i_ext

    Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    c_mem : array_like
        Capacitance, pF, > 0.
    k : array_like
        Curvature, nS / mV, > 0.
    v_leak : array_like
        Leak (resting) potential, mV.
    v_t : array_like
        Potential above which it spikes by itself, mV.
    v_peak : array_like
        Potential at which a spike is detected, mV.
    v_reset : array_like
        Potential after a spike, mV, below v_peak.
    i_ext : array_like or current
        Constant current, pA; or a current over time, such as `StepCurrent`.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    t_ref : array_like
        Refractory time, time.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    i_init : array_like
        Synaptic current at time 0.
    synapse : {"exponential", "delta"}
        Whether the weight of an input is added to the synaptic current or to the membrane.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.
    """

    c_mem: ArrayLike = 100.0
    k: ArrayLike = 0.7
    v_leak: ArrayLike = -60.0
    v_t: ArrayLike = -40.0
    v_peak: ArrayLike = 35.0
    v_reset: ArrayLike = -50.0
    i_ext: ArrayLike | Current = 0.0
    tau_syn: ArrayLike = 5.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    synapse: Literal["exponential", "delta"] = "exponential"
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = "Latham et al. 2000, Intrinsic dynamics in neuronal networks"
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn")
    _constants: ClassVar[tuple[str, ...]] = (
        "c_mem",
        "k",
        "v_leak",
        "v_t",
        "v_peak",
        "v_reset",
        "i_ext",
        "tau_syn",
    )
    _initial: ClassVar[tuple[str, ...]] = ("v_init", "i_init")
    __repr__ = one_line

    def _equations(self) -> Dynamics:
        from eventsim.models.neurons._equations import QuadraticEquations

        return QuadraticEquations()


@register("neuron", "izhikevich")
@dataclass(frozen=True, slots=True)
class Izhikevich(_Solved):
    """Simple neuron of Izhikevich (2003), in ms and mV.

        dv/dt = 0.04 v^2 + 5 v + 140 - u + i_syn + i_ext        du/dt = a (b v - u)
        v = c, u = u + d at a spike, where v reaches v_peak

    Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    a : array_like
        Rate of recovery, 1/ms.
    b : array_like
        Sensitivity of recovery to v.
    c : array_like
        Potential after a spike, mV, below v_peak.
    d : array_like
        Recovery by a spike.
    v_peak : array_like
        Potential at which a spike is detected, mV.
    i_ext : array_like
        Constant current.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    t_ref : array_like
        Refractory time, time.
    v_init : array_like, optional
        Membrane potential at time 0; c unless given.
    i_init : array_like
        Synaptic current at time 0.
    u_init : array_like, optional
        Recovery at time 0; b v_init unless given.
    synapse : {"exponential", "delta"}
        Whether the weight of an input is added to the synaptic current or to the membrane.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.
    """

    a: ArrayLike = 0.02
    b: ArrayLike = 0.2
    c: ArrayLike = -65.0
    d: ArrayLike = 8.0
    v_peak: ArrayLike = 30.0
    i_ext: ArrayLike | Current = 0.0
    tau_syn: ArrayLike = 5.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    u_init: ArrayLike | None = None
    synapse: Literal["exponential", "delta"] = "exponential"
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = "Izhikevich 2003, Simple model of spiking neurons"
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn", "u")
    _constants: ClassVar[tuple[str, ...]] = (
        "a",
        "b",
        "c",
        "d",
        "v_peak",
        "i_ext",
        "tau_syn",
    )
    _initial: ClassVar[tuple[str, ...]] = ("v_init", "i_init", "u_init")
    _reset: ClassVar[str] = "c"
    __repr__ = one_line

    def _rest(self, values: dict[str, Any], key: str) -> Any:
        return values["c"] if key == "v_init" else values["b"] * values["v_init"]

    def _equations(self) -> Dynamics:
        from eventsim.models.neurons._equations import IzhikevichEquations

        return IzhikevichEquations()
