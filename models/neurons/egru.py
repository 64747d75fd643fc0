"""Gated recurrent units that communicate by events, in continuous time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from eventsim.models.neurons.solved import as_solved, checked, differentiable, population
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.models.neurons.dynamics import Dynamics
    from eventsim.population import Population

_CONSTANTS = ("tau_mem", "tau_syn", "v_th", "b_z", "b_r", "b_u")  # in the order of the equations
_INITIAL = ("v_init", "z_init", "r_init", "u_init")


@register("neuron", "egru")
@dataclass(frozen=True, slots=True)
class EGRU:
    """Event-based gated recurrent unit (Subramoney et al. 2023), in continuous time.

        tau_mem dv/dt = s(a_u) (tanh(a_z) - v)            s(a) = 1 / (1 + e^-a)
        tau_syn da_k/dt = b_k - a_k                       k = z, r, u
        v = v - v_th at a spike, where v reaches v_th

    An input through receptor "z", the first, adds its weight times s(a_r) to a_z; through "r" and "u" its
    weight to a_r and a_u. Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    tau_mem : array_like
        Time constant of the cell at an open update gate, time, > 0.
    tau_syn : array_like
        Time constant of the activations, time, > 0.
    v_th : array_like
        Threshold of the cell, > 0; from 1 on it never spikes.
    b_z, b_r, b_u : array_like
        To what the activations of candidate, reset gate and update gate decay.
    t_ref : array_like
        Refractory time, time; the cell is held, the activations go on.
    v_init, z_init, r_init, u_init : array_like
        The cell and its activations at time 0.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver, time.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    >>> _ = net.add("cell", es.models.EGRU(tau_mem=2.0), 1)
    >>> for receptor, weight in {"z": 4.0, "u": 3.0}.items():
    ...     _ = net.connect("input", "cell", weight=weight, receptor=receptor, name=receptor)
    >>> sim = es.Simulation(net)
    >>> sim.run(10.0)
    >>> len(sim.spikes("cell"))
    2

    Notes
    -----
    Of inputs that arrive at once, that to "z" sees the reset gate as the projections declared before it have
    left it.
    """

    tau_mem: ArrayLike = 20.0
    tau_syn: ArrayLike = 5.0
    v_th: ArrayLike = 0.5
    b_z: ArrayLike = 0.0
    b_r: ArrayLike = 1.0
    b_u: ArrayLike = -2.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike = 0.0
    z_init: ArrayLike = 0.0
    r_init: ArrayLike = 0.0
    u_init: ArrayLike = 0.0
    tolerance: float = 1e-10
    max_step: float = math.inf

    paper: ClassVar[str] = (
        "Subramoney et al. 2023, Efficient recurrent architectures through activity sparsity"
    )
    variables: ClassVar[tuple[str, ...]] = ("v", "a_z", "a_r", "a_u")
    receptors: ClassVar[dict[str, int]] = {"z": 0, "r": 1, "u": 2}
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    def _values(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters."""
        values = checked(self, (*_CONSTANTS, "t_ref", *_INITIAL), n, name)
        return values | {"v_th": per_unit(self.v_th, n, "v_th", name, positive=True)}

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        self._values(n, name)

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on."""
        return (*_CONSTANTS, "t_ref")

    def solver_parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters as the population takes them."""
        values = self._values(n, name)
        return as_solved([values[key] for key in _CONSTANTS], values["t_ref"], n)

    def _equations(self) -> Dynamics:
        from eventsim.models.neurons._egru_equations import EGRUEquations

        return EGRUEquations()

    def differentiable(self, n: int, name: str) -> Differentiable:
        """Return these neurons as the adjoint pass takes them."""
        values = self._values(n, name)
        columns = {key: values[key] for key in _CONSTANTS}
        initial = [values[key] for key in _INITIAL]
        return differentiable(n, self._equations(), columns, _CONSTANTS, initial, self, values["t_ref"])

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        values = self._values(context.n, context.name)
        return population(
            context.n,
            context.name,
            self._equations(),
            self.variables,
            [values[key] for key in _CONSTANTS],
            [values[key] for key in _INITIAL],
            self,
            values["t_ref"],
        )
