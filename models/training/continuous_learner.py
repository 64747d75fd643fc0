"""Learners whose network is a `Simulation` that learns while it runs; nothing is reset between batches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from eventsim.models.training.batches import Batch
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.task import Task
from eventsim.simulation import Simulation
from eventsim.states import check_entries

__all__ = ["ContinuousLearner", "Evaluator", "SimulationLearner"]

Evaluator = Callable[[int], Simulation]  # is given the number of samples that it holds side by side

EVALUATED = 500  # samples side by side where nothing is learned


class SimulationLearner(ABC):
    """A simulation that learns by its own plasticity rules: base of learners for a `Trainer`.

    Parameters
    ----------
    sim : Simulation
    learning_rates : mapping of str to float
        Of projections and populations whose learning rate a schedule may scale.
    """

    def __init__(self, sim: Simulation, learning_rates: Mapping[str, float] | None = None) -> None:
        self.sim, self.learning_rates = sim, dict(learning_rates or {})

    @abstractmethod
    def step(self, batch: Batch) -> BatchMetrics:
        """Run the ticks of a batch."""

    @abstractmethod
    def evaluate(self, epoch: int) -> Mapping[str, Any]:
        """Return metrics at the end of an epoch."""

    def scale_learning_rates(self, factor: float) -> None:
        """Set all learning rates to `factor` times their first values."""
        for name, rate in self.learning_rates.items():
            self.sim.set_learning_rate(name, rate * factor)

    def state(self) -> State:
        """Return what later steps depend on."""
        return {"sim": self.sim.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("sim",), "a learner")
        self.sim.restore(state["sim"])


class ContinuousLearner(SimulationLearner):
    """A continuous network and a task.

    Parameters
    ----------
    task : Task
    sim : Simulation
        Learns, as many samples side by side as its batch.
    evaluator : callable
        Returns a simulation of a given batch with the present weights of `sim`, which does not learn.
    learning_rates : mapping of str to float
        Of each projection or population that learns.
    ticks : int
        Duration of a batch.
    beta : float
        Strength of nudging.
    """

    def __init__(
        self,
        task: Task,
        sim: Simulation,
        evaluator: Evaluator,
        *,
        learning_rates: Mapping[str, float],
        ticks: int,
        beta: float,
    ) -> None:
        super().__init__(sim, learning_rates)
        self.task, self.evaluator, self.ticks, self.beta = task, evaluator, ticks, beta
