"""All weights of a circuit learn a task: a student that mimics a teacher, and Yin-Yang."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.batches import Batch, Batches
from eventsim.models.training.continuous_learner import SimulationLearner
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.phaseless_alignment import angles
from eventsim.scenarios.phaseless_alignment.feedback import report
from eventsim.scenarios.phaseless_alignment.network import (
    NAME,
    TARGET_CONDUCTANCE,
    Circuit,
    circuit,
    drawn_weights,
)
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Simulation

HIGH, LOW = 1.0, 0.1  # target potentials
CHUNK = 1000  # samples between two possible checkpoints
READ = (0.2, 0.4, 0.6, 0.8)  # of a presentation, when outputs are read
VALIDATION, TEST = 900, 900
YIN_YANG_SEED = 9876543  # of the training set; +1 and +2 of the others


class TaughtLearner(SimulationLearner):
    """A circuit that learns from targets, sample after sample.

    Parameters
    ----------
    circuit : Circuit
    sim : Simulation
    inputs, targets : ndarray, shape (n, n_inputs) and (n, n_outputs)
    held_out : (inputs, labels) of samples that are classified, or None to compare potentials with targets.
    """

    def __init__(
        self,
        circuit: Circuit,
        sim: "Simulation",
        inputs: Floats,
        targets: Floats,
        held_out: tuple[Floats, Ints] | None,
    ) -> None:
        super().__init__(sim)
        self.circuit, self.inputs, self.targets, self.held_out = circuit, inputs, targets, held_out

    def step(self, batch: Batch) -> BatchMetrics:
        """Show samples and their targets."""
        circuit, samples = self.circuit, batch.samples
        period = circuit.ticks * circuit.config.dt
        self.sim.set_input(NAME, circuit.shown(self.inputs[samples]), every=period)
        targets = circuit.shown(self.targets[samples], circuit.last)
        self.sim.nudge(NAME, targets, TARGET_CONDUCTANCE, kind="voltage", every=period)
        self.sim.run_ticks(circuit.ticks * len(samples))
        return BatchMetrics(len(samples))

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return angles, and the error or the accuracy, now and then."""
        config = self.circuit.config
        if (epoch + 1) % config.recorded_every and epoch + 1 < config.epochs:
            return {}
        return {"epoch": epoch + 1, **self.measured()}

    def measured(self) -> dict[str, Any]:
        """Return angles, and the error or the validation accuracy."""
        found = angles.measured(self.circuit, self.circuit.weights(self.sim), self.inputs)
        if self.held_out is None:
            return found | {
                "squared_error": self.squared_error(),
                "down": self.sim.array(NAME, "down/1").reshape(-1)[:1].copy(),
            }
        return found | {"validation_accuracy": self.accuracy(*self.held_out)}

    def answers(self, inputs: Floats, *, noise: bool) -> Floats:
        """Return output potentials without target and learning, averaged over the readings of a sample."""
        circuit = self.circuit
        sim = circuit.simulation(circuit.weights(self.sim), rule=noise)
        if noise:
            sim.set_learning_rate(NAME, 0.0)
        sim.set_input(NAME, circuit.shown(inputs), every=circuit.ticks * circuit.config.dt)
        here, read = circuit.cells[-1], [round(share * circuit.ticks) for share in READ]
        found = np.zeros((len(inputs), circuit.sizes[-1]))
        for k in range(len(inputs)):
            done = 0
            for tick in read:
                sim.run_ticks(tick + 1 - done)
                done = tick + 1
                found[k] += sim.array(NAME, "prospective")[0, here] / len(read)
            sim.run_ticks(circuit.ticks - done)
        return found

    def squared_error(self) -> float:
        """Return the mean over samples of |ub - target|^2, without target and noise."""
        difference = self.answers(self.inputs, noise=False) - self.targets
        return float((difference**2).sum(axis=1).mean())

    def accuracy(self, inputs: Floats, labels: Ints) -> float:
        """Return the fraction of samples whose class has the largest output, noise on."""
        return float((self.answers(inputs, noise=True).argmax(axis=1) == labels).mean())


def learn(config: Settings, run: Run) -> None:
    """Learn a task with all weights."""
    held_out, test = None, None
    if config.task == "yin-yang":
        inputs, labels = _yin_yang(config.samples, 0)
        targets = np.where(np.arange(3) == labels[:, None], HIGH, LOW)
        held_out, test = _yin_yang(VALIDATION, 1), _yin_yang(TEST, 2)
        setting = circuit(config, 4, 3, run.seed)
    else:
        inputs = streams.stream(run.seed, "samples").uniform(0, 1, (config.samples, config.n_inputs))
        setting = circuit(config, config.n_inputs, config.n_outputs, run.seed)
        teacher = {
            name: np.full_like(weight, config.teacher_weight)
            for name, weight in drawn_weights(config, setting.sizes, run.seed).items()
        }
        targets = angles.static_rates(teacher, inputs, setting.last)[1][-1]
    first = drawn_weights(config, setting.sizes, run.seed)
    learner = TaughtLearner(setting, setting.simulation(first), inputs, targets, held_out)
    if not run.state:
        untrained = {"epoch": 0, **learner.measured()}
        for name, value in untrained.items():
            run.series(name, value)

    def say(trainer: Trainer, metrics: dict[str, Any]) -> None:
        if "epoch" in metrics and 10 * trainer.epoch % max(config.epochs, 10) == 0:
            name = "squared_error" if held_out is None else "validation_accuracy"
            listed = ", ".join(f"{angle:.1f}" for angle in metrics["alignment_degrees"])
            run.say(f"epoch {trainer.epoch}: {name.replace('_', ' ')} {metrics[name]:.3g}, angles {listed}")

    n = len(inputs)
    batches = Batches(n, min(n, CHUNK), lambda epoch: run.rng("order", epoch).permutation(n))
    train(run, Trainer(learner, batches, epochs=config.epochs, callbacks=[say]))
    report(run, setting, first, setting.weights(learner.sim), inputs)
    if held_out is None:
        run.metric("squared_error", learner.squared_error())
        run.metric("feedback_weight", float(learner.sim.array(NAME, "down/1")[0, 0]))
    else:
        run.metric("validation_accuracy", learner.accuracy(*held_out))
        if test is not None:
            run.metric("test_accuracy", learner.accuracy(*test))


def _yin_yang(size: int, which: int) -> tuple[Floats, Ints]:
    """Return samples of the training (0), validation (1) or test set (2), and their classes."""
    from eventsim.io import datasets

    samples, labels = datasets.yin_yang(size, YIN_YANG_SEED + which)
    return np.asarray(samples, float), np.asarray(labels)
