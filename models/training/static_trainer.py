"""Training of continuous classifiers on static samples, each of which is shown for some ticks.

Neither neurons nor errors are reset in between, and learning never pauses: the first ticks of a batch mix it
with the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.batches import Batch, Batches, Streams, shuffled
from eventsim.models.training.continuous_learner import EVALUATED, ContinuousLearner, Evaluator
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.schedules import Schedule
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Callback, Trainer
from eventsim.simulation import Simulation

__all__ = ["StaticLearner", "StaticTrainer"]

Floats = NDArray[np.float64]


class StaticLearner(ContinuousLearner):
    """A network with populations "image" and "label" that is shown samples, each for `ticks` ticks.

    Parameters
    ----------
    task, sim, evaluator, learning_rates, ticks, beta
        As of `ContinuousLearner`.
    target_delay : int
        Ticks by which a target comes later than its sample, as the answer does. Until then the target before
        is held; a target that meets the answer to another sample teaches the mean of all targets.
    tau_target : float
        Time constant with which targets are low-passed; 0 for none.
    readout_steps : int
        Last ticks of a presentation over which the answer is averaged in evaluation.
    warm_up : int
        Presentations of training samples that precede an evaluation. Where rates depend on membranes, a
        network at rest answers otherwise than one that has been running, as it was when it learned.
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
        target_delay: int = 0,
        tau_target: float = 0.0,
        readout_steps: int = 1,
        warm_up: int = 0,
    ) -> None:
        super().__init__(task, sim, evaluator, learning_rates=learning_rates, ticks=ticks, beta=beta)
        self.target_delay, self.tau_target = target_delay, tau_target
        self.readout_steps, self.warm_up = readout_steps, warm_up
        self._target: Floats | None = None  # low-passed, as of the last tick
        self._previous_target: Floats | None = None  # of the last presentation

    def step(self, batch: Batch) -> BatchMetrics:
        """Hold the samples of a batch for the ticks of a presentation."""
        labels = self.task.labels("train")[batch.samples]
        target = np.eye(self.task.n_classes)[labels]
        self.sim.set_input("image", self.task.shown("train", batch.samples))
        self.nudge(target)
        self.sim.run_ticks(self.ticks)
        # The nudging of the outputs is taken off; layers below are nudged here and free in `accuracy`.
        answer = self.sim.array("label", "prospective") - self.sim.array("label", "error")
        sums = {
            "train_loss": 0.5 * ((target - answer) ** 2).sum(),
            "train_accuracy": (answer.argmax(axis=1) == labels).sum(),
        }
        return BatchMetrics(self.sim.batch, sums)

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return the accuracy on the validation set."""
        return {"validation_accuracy": self.accuracy("validation")}

    def nudge(self, target: Floats) -> None:
        """Nudge the outputs towards a target, shape (batch, n_classes), in the next presentation."""
        if not (self.tau_target or self.target_delay):
            self.sim.nudge("label", target, self.beta)
            return
        if self._previous_target is None or self._target is None:
            self._previous_target, self._target = np.zeros_like(target), np.zeros_like(target)
        follow = self.sim.dt / self.tau_target if self.tau_target else 1.0
        series = np.empty((self.ticks, *target.shape))
        for tick, row in enumerate(series):
            self._target += follow * (
                (self._previous_target if tick < self.target_delay else target) - self._target
            )
            row[:] = self._target
        self._previous_target = target
        self.sim.nudge("label", series, self.beta, every=self.sim.dt)

    def accuracy(self, split: str) -> float:
        """Return the fraction of a set whose largest output is right, shown as long but not nudged."""
        labels = self.task.labels(split)
        batch = min(EVALUATED, len(labels))
        sim, correct = self.evaluator(batch), 0
        for k in range(self.warm_up):
            samples = np.arange(k * batch, (k + 1) * batch) % self.task.size("train")
            sim.set_input("image", self.task.shown("train", samples))
            sim.run_ticks(self.ticks)
        for start in range(0, len(labels), batch):
            samples = np.arange(start, min(start + batch, len(labels)))
            repeated = np.resize(samples, batch)  # the last ones are filled up with repetitions
            sim.set_input("image", self.task.shown(split, repeated))
            sim.run_ticks(self.ticks - self.readout_steps)
            answer = np.zeros((batch, self.task.n_classes))
            for _ in range(self.readout_steps):
                sim.run_ticks(1)
                answer += sim.array("label", "rate")
            correct += int((answer.argmax(axis=1)[: len(samples)] == labels[samples]).sum())
        return correct / len(labels)

    def state(self) -> State:
        """Return what later steps depend on."""
        state = super().state()
        if self._target is not None and self._previous_target is not None:
            state |= {"target": self._target.copy(), "previous_target": self._previous_target.copy()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        if "target" in state:
            self._target = np.array(state["target"])
            self._previous_target = np.array(state["previous_target"])


class StaticTrainer(Trainer):
    """A `Trainer` of a continuous network on static samples; learning rates change batch by batch.

    Parameters
    ----------
    task, sim, evaluator, learning_rates, ticks, beta, target_delay, tau_target, readout_steps, warm_up
        As of `StaticLearner`.
    epochs : int
        Passes over the training set; what is left after whole batches of a shuffled epoch is not shown in it.
    rng : callable
        Returns the stream of random numbers for a purpose.
    schedule, callbacks
        As of `Trainer`.
    """

    learner: StaticLearner

    def __init__(
        self,
        task: Task,
        sim: Simulation,
        evaluator: Evaluator,
        *,
        learning_rates: Mapping[str, float],
        ticks: int,
        beta: float,
        epochs: int,
        rng: Streams,
        target_delay: int = 0,
        tau_target: float = 0.0,
        readout_steps: int = 1,
        warm_up: int = 0,
        schedule: Schedule | None = None,
        callbacks: Sequence[Callback | Callable[[Trainer, dict[str, Any]], object]] = (),
    ) -> None:
        n = task.size("train")
        learner = StaticLearner(
            task,
            sim,
            evaluator,
            learning_rates=learning_rates,
            ticks=ticks,
            beta=beta,
            target_delay=target_delay,
            tau_target=tau_target,
            readout_steps=readout_steps,
            warm_up=warm_up,
        )
        batches = Batches(n, int(sim.batch), shuffled(n, rng), rest="drop")
        super().__init__(
            learner, batches, epochs=epochs, schedule=schedule, schedule_by="batch", callbacks=callbacks
        )
