"""Leaky integrate-and-fire neurons whose inputs are conductances.

    c_mem dv/dt = g_leak (v_leak - v) + sum_k g_k (e_k - v) + i_ext

A spike that arrives at receptor k opens g_k, whose course is exponential, alpha or a difference of
exponentials (`eventsim.models.lif.receptors`), in units of its weight. The product of g_k and v has no closed
form, so an adaptive solver of order 5 follows each unit; a spike is located to the last bits (`_solver.pyx`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import shown
from eventsim.models.inputs.currents import Current, is_current, sources_of
from eventsim.models.lif.receptors import DeltaSynapse, receptor_keys, receptor_table, with_time_constants
from eventsim.models.neurons.solved import as_solved, checked_with_current, population, refuse_reset
from eventsim.parameters import one_line, own_arrays, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population

__all__ = ["Conductance", "ConductanceLIF"]

_MEMBRANE = ("c_mem", "g_leak", "v_leak", "v_th", "v_reset", "i_ext")
_CHAINED = ("alpha", "double-exponential")


@own_arrays
@dataclass(frozen=True, slots=True)
class Conductance:
    """A receptor of a `ConductanceLIF`.

    Attributes
    ----------
    course : synapse or array_like
        An `ExponentialSynapse`, `AlphaSynapse` or `DoubleExponentialSynapse`, whose course is that of the
        conductance; a time constant stands for an exponential one.
    e_rev : array_like
        Reversal potential, potential; one number, or an array of shape (n,).
    """

    course: Any = 5.0
    e_rev: ArrayLike = 0.0

    __repr__ = one_line


def _two_receptors() -> dict[str, Conductance]:
    return {"excitatory": Conductance(0.2, 0.0), "inhibitory": Conductance(2.0, -85.0)}


@register("neuron", "lif-conductance")
@dataclass(frozen=True, slots=True)
class ConductanceLIF:
    """Leaky integrate-and-fire neuron with conductances.

    Each parameter is one number for all units, or an array of shape (n,). Weights are conductances in nS.

    Attributes
    ----------
    synapses : mapping of str to Conductance
        The receptors by name; ``net.connect(..., receptor=name)`` says which one a connection reaches, the
        first unless given.
    c_mem : array_like
        Capacitance, pF, > 0.
    g_leak : array_like
        Leak conductance, nS, > 0.
    v_leak : array_like
        Leak (resting) potential, mV.
    v_th : array_like
        Threshold, mV.
    v_reset : array_like
        Potential after a spike and during the refractory time, mV, below v_th.
    i_ext : array_like or current
        Constant current, pA; or a current over time, such as `StepCurrent`.
    t_ref : array_like
        Refractory time, time.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    >>> _ = net.add("cell", es.models.ConductanceLIF({"ampa": es.models.Conductance(5.0, e_rev=0.0)}), 1)
    >>> _ = net.connect("input", "cell", weight=30.0, receptor="ampa")
    >>> sim = es.Simulation(net)
    >>> sim.run(20.0)
    >>> len(sim.spikes("cell"))
    1
    """

    synapses: Mapping[str, Any] = field(default_factory=_two_receptors)
    c_mem: ArrayLike = 250.0
    g_leak: ArrayLike = 50.0 / 3.0
    v_leak: ArrayLike = -70.0
    v_th: ArrayLike = -55.0
    v_reset: ArrayLike = -60.0
    i_ext: ArrayLike | Current = 0.0
    t_ref: ArrayLike = 2.0
    v_init: ArrayLike | None = None
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = "Kumar et al. 2008, The high-conductance state of cortical networks"
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    @property
    def receptors(self) -> dict[str, int]:
        """Names of the receptors with their numbers."""
        return {name: k for k, name in enumerate(self.synapses)}

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded: v, ``g_NAME`` of each receptor, ``h_NAME`` of one that rises."""
        found = ["v"]
        for name, receptor in self.synapses.items():
            rises = getattr(getattr(receptor, "course", None), "shape", "") in _CHAINED
            found += [f"g_{name}", f"h_{name}"] if rises else [f"g_{name}"]
        return tuple(found)

    def check(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if a parameter does not fit the `n` units of `name`."""
        self._values(n, name)
        self._receptors(n, name)

    def _values(self, n: int, name: str) -> dict[str, Any]:
        given = () if self.v_init is None else ("v_init",)
        values = checked_with_current(self, (*_MEMBRANE, "t_ref", *given), n, name)
        refuse_reset(values, "v_reset", "v_th", name)
        return values | {"v_init": values.get("v_init", values["v_leak"])}

    def _receptors(self, n: int, name: str) -> tuple[list[bool], list[Any]]:
        """Return which conductances rise, and the parameters of the receptors, numbers or of shape (n,)."""
        courses: Any = self.synapses
        if isinstance(courses, Mapping):
            for key, receptor in courses.items():
                if not isinstance(receptor, Conductance) or isinstance(receptor.course, DeltaSynapse):
                    raise TypeError(
                        f"receptor {key!r} of {name!r} must be a conductance such as "
                        f"es.models.Conductance(5.0, e_rev=0.0), got {shown(receptor)}"
                    )
            courses = {key: receptor.course for key, receptor in courses.items()}
        chained, parameters = [], []
        for key, shape, tau, rise in receptor_table(courses, n, name):
            e_rev = per_unit(self.synapses[key].e_rev, n, f"e_rev of receptor {key!r}", name)
            decay, gain = np.asarray(tau, float), np.ones(())
            rising = decay if shape == "alpha" else np.asarray(rise, float)
            if shape == "alpha":  # the weight is the largest conductance
                gain = math.e / decay
            elif shape == "double-exponential":
                peak = decay * rising / (decay - rising) * np.log(decay / rising)
                gain = (1.0 / rising - 1.0 / decay) / (np.exp(-peak / decay) - np.exp(-peak / rising))
            chained.append(shape in _CHAINED)
            parameters += [e_rev, 1.0 / decay, 1.0 / rising, gain]
        return chained, parameters

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change in a simulation; of receptors ``e_rev_NAME``, ``tau_syn_NAME``, ..."""
        names = [key for key in _MEMBRANE if key != "i_ext" or not is_current(self.i_ext)]
        return (*names, "t_ref", *self._of_receptors())

    def _of_receptors(self) -> dict[str, tuple[str, str]]:
        """Return receptor and attribute of each parameter that a receptor has, by its name."""
        found = {}
        for name, receptor in self.synapses.items():
            found[f"e_rev_{name}"] = (name, "e_rev")
            for key in receptor_keys(name, getattr(receptor.course, "shape", "exponential")):
                found[key] = (name, "tau_rise" if key.startswith("tau_rise") else "tau")
        return found

    def value_of(self, parameter: str) -> Any:
        """Return a parameter, by a name of `changeable` or of the attributes."""
        if parameter not in self._of_receptors():
            return getattr(self, parameter)
        name, what = self._of_receptors()[parameter]
        receptor = self.synapses[name]
        if what == "e_rev":
            return receptor.e_rev
        decay = getattr(receptor.course, "tau_decay", getattr(receptor.course, "tau", receptor.course))
        return receptor.course.tau_rise if what == "tau_rise" else decay

    def with_values(self, values: Mapping[str, Any]) -> ConductanceLIF:
        """Return the neuron with other parameters, by the names of `changeable`."""
        of_receptors = self._of_receptors()
        own = {key: value for key, value in values.items() if key not in of_receptors}
        taus = {key: self.value_of(key) for key in of_receptors if not key.startswith("e_rev_")}
        courses = with_time_constants(
            {name: receptor.course for name, receptor in self.synapses.items()},
            taus | {key: values[key] for key in taus if key in values},
        )
        synapses = {
            name: Conductance(courses[name], values.get(f"e_rev_{name}", receptor.e_rev))
            for name, receptor in self.synapses.items()
        }
        return replace(self, synapses=synapses, **own)

    def solver_parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters as the population takes them."""
        values = self._values(n, name)
        columns = [*(values[key] for key in _MEMBRANE), *self._receptors(n, name)[1]]
        return as_solved(columns, values["t_ref"], n)

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.models.neurons.conductance_equations import ConductanceEquations

        values = self._values(context.n, context.name)
        chained, receptors = self._receptors(context.n, context.name)
        initial = [values["v_init"], *(0.0 for _ in self.variables[1:])]
        return population(
            context.n,
            context.name,
            ConductanceEquations(chained),
            self.variables,
            [*(values[key] for key in _MEMBRANE), *receptors],
            initial,
            self,
            values["t_ref"],
            sources_of(self.i_ext, context) if is_current(self.i_ext) else (),
            _MEMBRANE.index("i_ext"),
        )
