"""Quadratic integrate-and-fire neurons whose spikes at infinity have a closed form.

    c_mem dv/dt = (c_mem / tau_mem) (v - v_leak) (v - v_t) / (v_t - v_leak) + i_syn + i_ext

Near v_leak this is `LIF`. Above v_t the membrane runs away by itself and reaches infinity in finite time:
that is the spike. It starts again at -inf, or at a finite v_reset. In u = (v - v_leak) / (v_t - v_leak) the
equation is one of Riccati, linear in homogeneous coordinates (`_riccati.pxd`), and closed in two cases: a
synaptic current with tau_syn = tau_mem / 2, or inputs that move the membrane, with a constant current.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import shown
from eventsim.models.neurons.parameter_table import table
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventsim.contracts import BuildContext
    from eventsim.models.neurons._qif import QuadraticFlow
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.population import Population

_CONSTANTS = ("tau_mem", "c_mem", "i_ext", "v_leak", "v_t", "v_reset")  # as `_qif.PARAMETERS`


@register("neuron", "qif")
@dataclass(frozen=True, slots=True)
class QIF:
    """Quadratic integrate-and-fire neuron, exact between events, with gradients of its spike times.

    Each parameter is one number for all units, or an array of shape (n,). With the defaults one weight at
    rest leads to a spike if it is above pi^2 / 4 = 2.467.

    Attributes
    ----------
    tau_mem : array_like
        Membrane time constant, time, > 0. The synaptic current decays with ``tau_syn = tau_mem / 2``.
    c_mem : array_like
        Membrane capacitance, current * time / potential, > 0.
    v_leak : array_like
        Leak (resting) potential.
    v_t : array_like
        Potential above which the membrane runs away without input, above v_leak.
    v_reset : array_like
        Potential after a spike and during the refractory time; -inf, or finite.
    i_ext : array_like
        Constant current; 0 with ``synapse="exponential"``, which has no closed form with it.
    t_ref : array_like
        Refractory time, time; inf for one spike only.
    v_init : array_like, optional
        Membrane potential at time 0, finite; v_leak unless given.
    i_init : array_like
        Synaptic current at time 0.
    synapse : {"exponential", "delta"}
        Whether the weight of an input is added to the synaptic current or to the membrane.

    Notes
    -----
    A spike passes infinity at a speed that does not depend on how it came there, so it grazes nothing. As a
    weight falls, the last spike does not vanish at a finite time but moves to infinite ones (Klos and
    Memmesheimer 2025).
    """

    tau_mem: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_t: ArrayLike = 1.0
    v_reset: ArrayLike = -np.inf
    i_ext: ArrayLike = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    synapse: Literal["exponential", "delta"] = "exponential"

    paper: ClassVar[str] = (
        "Klos and Memmesheimer 2025, Smooth exact gradient descent learning in spiking neural networks"
    )
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn")
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    @property
    def tau_syn(self) -> ArrayLike:
        """Time constant of the synaptic current, half of tau_mem."""
        return 0.5 * np.asarray(self.tau_mem, np.float64)

    def parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return all parameters, each checked, a number or an array of shape (n,)."""
        if self.synapse not in ("exponential", "delta"):
            raise ValueError(
                f"synapse of {name!r} must be 'exponential' or 'delta', got {shown(self.synapse)}"
            )
        values: dict[str, Any] = {
            key: per_unit(
                getattr(self, key),
                n,
                key,
                name,
                positive=key in ("tau_mem", "c_mem"),
                nonnegative=key == "t_ref",
                allow_inf=key in ("v_reset", "t_ref"),
            )
            for key in (*_CONSTANTS, "t_ref", "i_init")
        }
        v_init = self.v_leak if self.v_init is None else self.v_init
        values["v_init"] = per_unit(v_init, n, "v_init", name)
        if np.greater_equal(values["v_leak"], values["v_t"]).any():
            raise ValueError(
                f"v_leak of {name!r} must be below v_t, got {shown(self.v_leak)} and {shown(self.v_t)}"
            )
        if np.equal(values["v_reset"], np.inf).any():
            raise ValueError(f"v_reset of {name!r} must be finite or -inf, got inf")
        if self.synapse == "exponential" and np.not_equal(values["i_ext"], 0.0).any():
            raise ValueError(
                f"i_ext of {name!r} must be 0 with synapse='exponential', got {shown(self.i_ext)}: with both "
                "there is no closed form; take synapse='delta', or QuadraticIF"
            )
        return values

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        self.parameters(n, name)

    def flow(self) -> QuadraticFlow:
        """Return the flow of the units, and its derivatives."""
        from eventsim.models.neurons import _qif

        return _qif.QIFExponential() if self.synapse == "exponential" else _qif.QIFDelta()

    def initial(self, flow: QuadraticFlow, n: int, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the state at time 0, shape (n, n_state), and rows of parameters for the flow."""
        values = self.parameters(n, name)
        p = flow.parameters(table([values[key] for key in _CONSTANTS], n))
        x = np.zeros((n, flow.n_state))
        v_init = np.broadcast_to(values["v_init"], n)
        for unit in range(n):
            x[unit, 0], x[unit, -1] = flow.charted(float(v_init[unit]), p[unit % len(p)])
        if self.synapse == "exponential":
            x[:, 1] = values["i_init"]
        return x, p

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on."""
        return (*_CONSTANTS, "t_ref")

    def solver_parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters as the population takes them."""
        values = self.parameters(n, name)
        rows = self.flow().parameters(table([values[key] for key in _CONSTANTS], n))
        return {"p": rows, "t_ref": np.atleast_1d(np.asarray(values["t_ref"], np.float64))}

    def differentiable(self, n: int, name: str) -> Differentiable:
        """Return these neurons as the adjoint pass takes them."""
        from eventsim.models.neurons._qif import DERIVED
        from eventsim.models.neurons.differentiable import Differentiable

        values, flow = self.parameters(n, name), self.flow()
        derived = tuple("" if key == "i_ext" and self.synapse == "exponential" else key for key in DERIVED)
        x, _ = self.initial(flow, n, name)
        return Differentiable(flow, {key: values[key] for key in _CONSTANTS}, derived, x, values["t_ref"])

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.models.neurons._flow_neurons import FlowNeurons

        flow = self.flow()
        x, p = self.initial(flow, context.n, context.name)
        t_ref = np.atleast_1d(np.asarray(self.parameters(context.n, context.name)["t_ref"], np.float64))
        variables = self.variables if self.synapse == "exponential" else self.variables[:1]
        return FlowNeurons(context.n, context.name, flow, variables, x, p, t_ref)
