"""A neuron by its equations, in Python or in a short Cython file."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike

from eventsim.models.neurons.solved import as_solved, check_solver, differentiable, population
from eventsim.parameters import own_arrays, per_unit

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.models.neurons.dynamics import Dynamics
    from eventsim.population import Population


NO_RESET = (
    "; where the membrane comes down by itself, one more variable keeps g below 0 until it has, "
    "see 'Equations without a reset' in own-neuron.md"
)


@own_arrays
@dataclass(frozen=True, eq=False)
class CustomNeuron:
    """Neuron whose equations a user writes, followed by an adaptive solver with exact events.

    The functions get the state `x` and the parameters `p` as named tuples, change nothing, and return the new
    values of all variables in their order. The first variable is the membrane: it is held while a unit is
    refractory.

    Attributes
    ----------
    state : mapping of str to array_like
        Variables, with their values at time 0: one number, or one for each unit.
    parameters : mapping of str to array_like
        Parameters, likewise.
    f : callable (t, x, p) -> sequence, optional
        dx/dt.
    g : callable (x, p) -> float, optional
        The unit spikes where this rises through 0, such as ``x.v - p.v_th``.
    reset : callable (x, p) -> sequence, optional
        The state after a spike, where `g` must be below 0. Equations without a reset, such as those of
        FitzHugh and Nagumo, have one more variable that keeps it there; see own-neuron.md.
    arrive : callable (x, p, weight, receptor) -> sequence, optional
        The state after an input; unless given, the weight is added to the first variable.
    compiled : Dynamics, optional
        Equations in Cython, in place of the four functions.
    jacobian : callable (t, x, p) -> array_like, optional
        df/dx, shape (n_variables, n_variables), for gradients; by differences unless given. Equations in
        Cython override `jacobian` instead.
    receptors : sequence of str
        Names of the inputs; their numbers are what `arrive` gets.
    t_ref : array_like
        Refractory time.
    tolerance : float
        Error of a step of the solver, relative to a variable, and to 1 where that is smaller.
    max_step : float
        Longest step of the solver.

    Examples
    --------
    >>> import eventsim as es
    >>> leaky = es.models.CustomNeuron(
    ...     state={"v": 0.0},
    ...     parameters={"tau": 10.0, "drive": 1.5},
    ...     f=lambda t, x, p: [(p.drive - x.v) / p.tau],
    ...     g=lambda x, p: x.v - 1.0,
    ...     reset=lambda x, p: [0.0],
    ... )
    >>> net = es.Network()
    >>> _ = net.add("cell", leaky, 1)
    >>> sim = es.Simulation(net)
    >>> sim.run(12.0)
    >>> sim.spikes("cell").times.round(9)  # 10 log 3
    array([10.98612289])
    """

    state: Mapping[str, ArrayLike]
    parameters: Mapping[str, ArrayLike] = field(default_factory=dict)
    f: Callable[..., Any] | None = None
    g: Callable[..., Any] | None = None
    reset: Callable[..., Any] | None = None
    arrive: Callable[..., Any] | None = None
    compiled: Dynamics | None = None
    jacobian: Callable[..., Any] | None = None
    receptors: Sequence[str] | Mapping[str, int] = ("input",)
    t_ref: ArrayLike = 0.0
    tolerance: float = 1e-10
    max_step: float = math.inf

    is_source: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.state:
            raise ValueError("state of a CustomNeuron must name one variable at least, such as {'v': 0.0}")
        missing = [name for name in ("f", "g", "reset") if not callable(getattr(self, name))]
        if self.compiled is None and missing:
            raise TypeError(
                f"a CustomNeuron needs the functions f, g and reset, or compiled=; {missing[0]} is missing"
                f"{NO_RESET if missing == ['reset'] else ''}"
            )
        if self.compiled is not None and any((self.f, self.g, self.reset, self.arrive)):
            raise TypeError(
                "a CustomNeuron takes its equations from Python functions or from compiled=, not both"
            )
        if self.compiled is not None and self.jacobian is not None:
            raise TypeError(
                "jacobian belongs to Python functions; equations in Cython override Dynamics.jacobian"
            )
        if not isinstance(self.receptors, Mapping):
            numbers = {name: number for number, name in enumerate(self.receptors)}
            object.__setattr__(self, "receptors", numbers)

    def __repr__(self) -> str:
        return f"CustomNeuron({', '.join(self.state)})"

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded: all of the state."""
        return tuple(self.state)

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a value does not fit `n` units; the message names population and unit."""
        for key, value in (*self.state.items(), *self.parameters.items()):
            per_unit(value, n, key, name)
        per_unit(self.t_ref, n, "t_ref", name, nonnegative=True)
        check_solver(self, name)

    def dynamics(self) -> Dynamics:
        """Return the equations as the solver calls them."""
        from eventsim.models.neurons.dynamics import Dynamics, PythonDynamics

        if self.compiled is not None:
            if not isinstance(self.compiled, Dynamics):
                raise TypeError(
                    f"compiled must be an object of a subclass of Dynamics, got {self.compiled!r}"
                )
            return self.compiled
        assert self.f is not None
        assert self.g is not None
        assert self.reset is not None
        state = namedtuple("state", list(self.state))  # type: ignore[misc]
        parameters = namedtuple("parameters", list(self.parameters))  # type: ignore[misc]
        return PythonDynamics(state, parameters, self.f, self.g, self.reset, self.arrive, self.jacobian)

    def differentiable(self, n: int, name: str) -> Differentiable:
        """Return these neurons as the adjoint pass takes them."""
        self.check(n, name)
        values = {key: per_unit(value, n, key, name) for key, value in self.parameters.items()}
        initial = [per_unit(value, n, key, name) for key, value in self.state.items()]
        t_ref = per_unit(self.t_ref, n, "t_ref", name, nonnegative=True)
        return differentiable(n, self.dynamics(), values, tuple(values), initial, self, t_ref)

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on."""
        return tuple({**self.parameters, "t_ref": None})

    def value_of(self, parameter: str) -> Any:
        """Return a parameter, by its name in `changeable`."""
        return self.parameters[parameter] if parameter in self.parameters else getattr(self, parameter)

    def with_values(self, values: Mapping[str, Any]) -> CustomNeuron:
        """Return the neuron with other parameters, by the names of `changeable`."""
        own = {key: value for key, value in values.items() if key not in self.parameters}
        given = {key: value for key, value in values.items() if key in self.parameters}
        return replace(self, parameters={**self.parameters, **given}, **own)

    def solver_parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the checked parameters as the population takes them."""
        self.check(n, name)
        values = [per_unit(value, n, key, name) for key, value in self.parameters.items()]
        return as_solved(values, per_unit(self.t_ref, n, "t_ref", name, nonnegative=True), n)

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        n, name = context.n, context.name
        parameters = [per_unit(value, n, key, name) for key, value in self.parameters.items()]
        initial = [per_unit(value, n, key, name) for key, value in self.state.items()]
        t_ref = per_unit(self.t_ref, n, "t_ref", name, nonnegative=True)
        return population(n, name, self.dynamics(), self.variables, parameters, initial, self, t_ref)
