"""Feedback weights learn alone: forward weights stay, and samples follow each other without a break."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.batches import Batch, Batches
from eventsim.models.training.continuous_learner import SimulationLearner
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.phaseless_alignment import angles
from eventsim.scenarios.phaseless_alignment.network import NAME, Circuit, circuit, drawn_weights
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Simulation


EPOCHS = (5, 10, 20, 30, 50, 75, 100)
MEDIANS = (  # of the ten published seeds at these epochs, degrees to the transposed weights by layer
    (83, 86, 82),
    (75, 77, 70),
    (56, 57, 47),
    (41, 37, 30),
    (26, 17, 16),
    (22, 11, 13),
    (21.3, 10.5, 12.4),
)
SETTLED = 0.6  # of a run, after which the size of feedback weights is averaged


class FeedbackLearner(SimulationLearner):
    """A circuit whose feedback learns while samples are shown.

    Parameters
    ----------
    circuit : Circuit
    sim : Simulation
    inputs : ndarray, shape (n, n_inputs)
    """

    def __init__(self, circuit: Circuit, sim: "Simulation", inputs: Floats) -> None:
        super().__init__(sim)
        self.circuit, self.inputs = circuit, inputs

    def show(self, samples: Any) -> None:
        """Show samples one after the other."""
        period = self.circuit.ticks * self.circuit.config.dt
        self.sim.set_input(NAME, self.circuit.shown(self.inputs[samples]), every=period)
        self.sim.run_ticks(self.circuit.ticks * len(samples))

    def step(self, batch: Batch) -> BatchMetrics:
        """Show the samples of an epoch; before the first, all once without noise and plasticity."""
        if batch.number == 0:
            self.show(np.arange(len(self.inputs)))
        self.show(batch.samples)
        return BatchMetrics(len(batch.samples))

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return angles and sizes, now and then."""
        config = self.circuit.config
        if (epoch + 1) % config.recorded_every and epoch + 1 < config.epochs:
            return {}
        weights = self.circuit.weights(self.sim)
        return {"epoch": epoch + 1, **angles.measured(self.circuit, weights, self.inputs)}


def align(config: Settings, run: Run) -> None:
    """Let feedback weights learn; compare them, and the changes that they would bring, with theory."""
    inputs = streams.stream(run.seed, "samples").uniform(0, 1, (config.samples, config.n_inputs))
    setting = circuit(config, config.n_inputs, config.n_outputs, run.seed)
    first = drawn_weights(config, setting.sizes, run.seed)
    learner = FeedbackLearner(setting, setting.simulation(first), inputs)
    if not run.state:
        untrained = {"epoch": 0, **angles.measured(setting, first, inputs)}
        for name, value in untrained.items():
            run.series(name, value)

    def say(trainer: Trainer, metrics: dict[str, Any]) -> None:
        if "epoch" in metrics and 10 * trainer.epoch % max(config.epochs, 10) == 0:
            listed = ", ".join(f"{angle:.1f}" for angle in metrics["alignment_degrees"])
            run.say(f"epoch {trainer.epoch}: angles to the transposed weights {listed} degrees")

    n = config.samples
    batches = Batches(n, n, lambda epoch: run.rng("order", epoch).permutation(n))
    trainer = Trainer(learner, batches, epochs=config.epochs, callbacks=[say])
    train(run, trainer)
    weights = setting.weights(learner.sim)
    report(run, setting, first, weights, inputs)
    for name in ("kappa", "mismatch_kappa") if config.tau_spread else ("kappa",):
        for k, value in enumerate(settled(trainer.history, name, config.epochs), 1):
            run.metric(f"{name}_{k}", value)
    if config == type(config)(noise_update=config.noise_update):
        run.parameter("published/epoch", np.array(EPOCHS))
        run.parameter("published/alignment_degrees", np.array(MEDIANS))
    before, after = (angles.update_degrees(setting, each, inputs) for each in (first, weights))
    run.parameter("update_degrees/first", before)
    run.parameter("update_degrees/last", after)
    for k, angle in enumerate(after, 1):
        run.metric(f"update_degrees_{k}", angle)


def settled(history: Mapping[str, list[Any]], name: str, epochs: int) -> Floats:
    """Return a series averaged over the last part of a run; nothing for a run without records."""
    late = [
        value
        for epoch, value in zip(history.get("epoch", []), history.get(name, []), strict=True)
        if epoch > SETTLED * epochs
    ]
    return np.mean(late, axis=0) if late else np.zeros(0)


def report(
    run: Run, setting: Circuit, first: dict[str, Floats], weights: dict[str, Floats], inputs: Floats
) -> None:
    """Keep the weights before and after, and the last angles as metrics, lowest layer first."""
    last = angles.measured(setting, weights, inputs)
    names = ["alignment_degrees", "theory_degrees", "kappa", "feedback_norm"]
    if setting.config.noise_spread:
        names.append("weighted_degrees")
    if setting.config.tau_spread:
        names += ["mismatch_degrees", "mismatch_kappa"]
    for name in names:
        run.parameter(name, last[name])
        for k, value in enumerate(last[name], 1):
            run.metric(f"{name}_{k}", value)
    for name, weight in weights.items():
        run.parameter(f"initial/weight/{name}", first[name])
        run.parameter(f"weight/{name}", weight)
