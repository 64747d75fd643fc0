"""Time constants of membranes that learn to match their prospection, before anything else is learned."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.training.batches import Batch, Batches
from eventsim.models.training.continuous_learner import SimulationLearner
from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.latent_equilibrium.network import matching_simulation
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim import Simulation
    from eventsim.models.prospective.layered import Layer, TimeConstants


class TimeConstantLearner(SimulationLearner):
    """A network that is shown samples without a target while its tau_mem become its tau_r."""

    def __init__(self, sim: "Simulation", task: Task, taus: "TimeConstants", ticks: int) -> None:
        super().__init__(sim)
        self.task, self.taus, self.ticks = task, taus, ticks

    def step(self, batch: Batch) -> BatchMetrics:
        """Show the samples of a batch."""
        self.sim.set_input("image", self.task.shown("train", batch.samples))
        self.sim.run_ticks(self.ticks)
        return BatchMetrics(len(batch.samples))

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return the mean deviation of each layer."""
        deviations = [
            np.abs(self.sim.array(name, "tau_mem") - tau["tau_r"]) / tau["tau_r"]
            for name, tau in self.taus.items()
        ]
        return {"tau_deviation": np.array([each.mean() for each in deviations])}


def matched(
    config: Settings, run: Run, task: Task, layers: "list[Layer]", taus: "TimeConstants"
) -> "TimeConstants":
    """Show samples without a target until tau_mem has become tau_r; return the time constants then.

    Layers learn all the while, the later ones well only when the earlier have.
    """
    n = task.size("train")
    sim = matching_simulation(config, layers, run.seed, taus, min(config.batch, n))
    batches = Batches(n, int(sim.batch), lambda epoch: run.rng("match", epoch).permutation(n), rest="drop")
    learner = TimeConstantLearner(sim, task, taus, config.ticks)
    trainer = Trainer(learner, batches, epochs=config.tau_epochs)
    if run.state and "matching" in run.state:
        trainer.restore(current_state(run.state["matching"]))
    trainer.run(checkpoint=lambda state: run.checkpoint(lambda: {"matching": state()}), log=run.series)
    learned = {name: values | {"tau_mem": sim.array(name, "tau_mem")} for name, values in taus.items()}
    deviations = [np.abs(v["tau_mem"] / v["tau_r"] - 1).mean() for v in learned.values()]
    run.metric("tau_deviation", max(deviations))
    return learned
