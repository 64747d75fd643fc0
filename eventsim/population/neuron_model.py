"""What the model of a population has to offer, and a base class for models in Python.

`NeuronModel` is the one contract of neurons and sources, compiled or not. `PythonNeuron` fulfils it for a
neuron that is written down as four pure functions of its state: as exact as these are, and slower.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population.population import Population

__all__ = ["NeuronModel", "PythonNeuron"]

State = tuple[float, ...]


@runtime_checkable
class NeuronModel(Protocol):
    """A neuron or a source as users declare it: a frozen dataclass of parameters that builds its population.

    `Network.add` takes any object with these names. Two more are optional: ``check(n, name)`` raises
    ValueError if a parameter does not fit `n` units of the population `name`; ``receptors`` maps the names of
    inputs to the numbers that the population receives (without it, all inputs have number 0). A model that is
    registered, by ``es.register("neuron", "its-name")``, appears in ``eventsim list``.

    Attributes
    ----------
    variables : tuple of str
        What can be recorded, in the order of the population's.
    is_source : bool
        Whether the population takes no input.
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded."""

    @property
    def is_source(self) -> bool:
        """Whether the population takes no input."""

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes `context.n` such units."""


class PythonNeuron(ABC):
    """A neuron as four functions of its state; subclass it, as a frozen dataclass of its parameters.

    Between events a unit follows `flow`, which need not be cut into steps; `time_to_spike` looks ahead, by a
    closed form or by the root in a bracket. The functions change nothing: they return the new state, in the
    order of the attribute `state`. Snapshots, recordings, events at the population itself, and hardware
    follow from them. Populations of such neurons run on the ordered schedule.

    Attributes
    ----------
    state : mapping of str to float
        The variables of a unit with their values at time 0. All can be recorded.

    Examples
    --------
    >>> import math, eventsim as es
    >>> class Integrator(es.PythonNeuron):
    ...     state = {"v": 0.0}
    ...     def flow(self, duration, v): return (v,)
    ...     def time_to_spike(self, v): return 0.0 if v >= 1.0 else math.inf
    ...     def on_input(self, weight, receptor, v): return (v + weight,)
    ...     def on_spike(self, v): return (0.0,)
    >>> net = es.Network()
    >>> _ = net.add("in", es.models.SpikeSource(times=[1.0, 2.0, 3.0]), 1)
    >>> _ = net.add("cell", Integrator(), 1)
    >>> _ = net.connect("in", "cell", weight=0.5)
    >>> sim = es.Simulation(net)
    >>> sim.run(5.0)
    >>> sim.spikes("cell").times
    array([2.])
    """

    state: ClassVar[Mapping[str, float]]
    is_source: ClassVar[bool] = False

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded: all of the state."""
        return tuple(self.state)

    @abstractmethod
    def flow(self, duration: float, *state: float) -> State:
        """Return the state after a time without input and without spike."""

    @abstractmethod
    def time_to_spike(self, *state: float) -> float:
        """Return the time until the unit spikes if nothing arrives: 0 for at once, `inf` for never."""

    @abstractmethod
    def on_input(self, weight: float, receptor: int, *state: float) -> State:
        """Return the state after an input at a receptor."""

    @abstractmethod
    def on_spike(self, *state: float) -> State:
        """Return the state after the unit's own spike."""

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.population.python_population import PythonPopulation

        return PythonPopulation(context.n, context.name, self)
