"""The adaptive exponential neuron of voltage-based plasticity (Clopath et al. 2010).

Each unit follows the Taylor series of its state from event to event (`clopath_neurons.pyx`). A spike lies
where v reaches v_peak, or where its upstroke becomes steeper than the clock resolves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.models.neurons.parameter_table import table
from eventsim.models.neurons.solved import check_solver, refuse_reset
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population

# In the order of the equations.
CONSTANTS = (
    *("c_mem", "g_leak", "v_leak", "v_t", "delta_t", "v_peak", "v_reset", "i_ext", "a", "b", "tau_w"),
    *("i_sp", "tau_z", "v_t_max", "tau_v_t", "tau_u_bar_plus", "tau_u_bar_minus", "tau_u_bar_bar"),
    *("v_clamp", "t_clamp"),
)
POSITIVE = ("c_mem", "g_leak", "delta_t")


@register("neuron", "clopath-adex")
@dataclass(frozen=True, slots=True)
class ClopathAdEx:
    """Adaptive exponential neuron with afterdepolarisation and adaptive threshold (Clopath et al. 2010).

        c_mem dv/dt = g_leak (v_leak - v) + g_leak delta_t exp((v - V_T) / delta_t) - w + z + i_ext
        tau_w dw/dt = a (v - v_leak) - w    tau_z dz/dt = -z    tau_v_t dV_T/dt = v_t - V_T
        at a spike: w = w + b, z = i_sp, V_T = v_t_max

    At a spike the membrane is clamped at v_clamp for t_clamp, which stands for the spike's width, while w
    waits. Then v = v_reset, where it is held for t_ref. Low-pass filtered membranes go on all the time,

        tau_u_bar_plus du_bar_plus/dt = v - u_bar_plus    tau_u_bar_minus du_bar_minus/dt = v - u_bar_minus
        tau_u_bar_bar du_bar_bar/dt = u_bar_minus - u_bar_bar

    which `VoltageSTDP` looks at. An input adds its weight, in mV, to v; it is lost while v is clamped or
    held. This is ``aeif_psc_delta_clopath`` of NEST, but for spikes that lie on no grid. It runs on the
    ordered schedule.

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
        Potential at which the upstroke begins, at rest, mV.
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
    i_sp : array_like
        Current of the afterdepolarisation after a spike, pA.
    tau_z : array_like
        Time constant of the afterdepolarisation, time, > 0.
    v_t_max : array_like
        V_T after a spike, mV.
    tau_v_t : array_like
        Time constant of V_T, time, > 0.
    tau_u_bar_plus, tau_u_bar_minus, tau_u_bar_bar : array_like
        Time constants of the filtered membranes, time, > 0.
    v_clamp : array_like
        Membrane potential during a spike, mV.
    t_clamp : array_like
        How long the membrane is clamped, time; 0 for a reset at once.
    i_ext : array_like
        Constant current, pA.
    t_ref : array_like
        Refractory time after the clamp, time.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    u_init : array_like, optional
        All filtered membranes at time 0, and before; v_init unless given.
    w_init : array_like
        Adaptation at time 0.
    tolerance : float
        Error of a step, relative to a variable, and to 1 where that is smaller; at all times of the step.
    max_step : float
        Longest step, time.

    Examples
    --------
    A strong input makes it fire, and the afterdepolarisation keeps it above rest.

    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[10.0]), 1)
    >>> _ = net.add("cell", es.models.ClopathAdEx(), 1)
    >>> _ = net.connect("input", "cell", weight=30.0, delay=1.0)
    >>> sim = es.Simulation(net)
    >>> sim.record("cell", "v", every=10.0)
    >>> sim.run(40.0)
    >>> sim.spikes("cell").times.round(2), sim.trace("cell", "v").values[:, 0].round(1)
    (array([11.07]), array([-70.6, -70.6, -60.9, -62.9]))
    """

    c_mem: ArrayLike = 281.0
    g_leak: ArrayLike = 30.0
    v_leak: ArrayLike = -70.6
    v_t: ArrayLike = -50.4
    delta_t: ArrayLike = 2.0
    v_peak: ArrayLike = 33.0
    v_reset: ArrayLike = -60.0
    a: ArrayLike = 4.0
    b: ArrayLike = 80.5
    tau_w: ArrayLike = 144.0
    i_sp: ArrayLike = 400.0
    tau_z: ArrayLike = 40.0
    v_t_max: ArrayLike = 30.4
    tau_v_t: ArrayLike = 50.0
    tau_u_bar_plus: ArrayLike = 7.0
    tau_u_bar_minus: ArrayLike = 10.0
    tau_u_bar_bar: ArrayLike = 500.0
    v_clamp: ArrayLike = 33.0
    t_clamp: ArrayLike = 2.0
    i_ext: ArrayLike = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    u_init: ArrayLike | None = None
    w_init: ArrayLike = 0.0
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = "Clopath et al. 2010, Connectivity reflects coding: a model of voltage-based STDP"
    variables: ClassVar[tuple[str, ...]] = (
        *("v", "w", "z", "v_t", "u_bar_plus", "u_bar_minus", "u_bar_bar"),
    )
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    def _values(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters; an initial value that is not given is what it stands for."""
        initial = [key for key in ("v_init", "u_init") if getattr(self, key) is not None]
        values = {
            key: per_unit(
                getattr(self, key),
                n,
                key,
                name,
                positive=key in POSITIVE or key.startswith("tau_"),
                nonnegative=key in ("t_ref", "t_clamp"),
            )
            for key in (*CONSTANTS, "t_ref", "w_init", *initial)
        }
        check_solver(self, name)
        refuse_reset(values, "v_reset", "v_peak", name)
        values.setdefault("v_init", values["v_leak"])
        values.setdefault("u_init", values["v_init"])
        return values

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        self._values(n, name)

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.models.neurons.clopath_neurons import ClopathEquations, ClopathNeurons

        n = context.n
        values = self._values(n, context.name)
        first = {"v": "v_init", "w": "w_init", "v_t": "v_t"} | dict.fromkeys(self.variables[4:], "u_init")
        x = np.zeros((n, len(self.variables)))
        for k, variable in enumerate(self.variables):
            if variable in first:
                x[:, k] = values[first[variable]]
        return ClopathNeurons(
            n,
            context.name,
            ClopathEquations(),
            self.variables,
            x,
            table([values[key] for key in CONSTANTS], n),
            np.atleast_1d(np.asarray(values["t_ref"], np.float64)),
            float(self.tolerance),
            float(self.max_step),
        )
