"""Training of continuous classifiers on sequences in real time: the label is the target at every tick.

Sequences follow one another without a reset. A sequence learner needs the batch before the present one, since
a sequence that begins late in a batch follows the end of its predecessor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.batches import Batch, Batches, Streams, balanced, shuffled
from eventsim.models.training.continuous_learner import EVALUATED, ContinuousLearner, Evaluator
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.schedules import Schedule
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Callback, Trainer
from eventsim.simulation import Simulation

__all__ = ["SequenceLearner", "SequenceTrainer"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SequenceLearner(ContinuousLearner):
    """A network with populations "input" and "label" that is shown sequences.

    Parameters
    ----------
    task, sim, evaluator, learning_rates, ticks, beta
        As of `ContinuousLearner`; the task encodes sequences as arrays (ticks, n, n_inputs).
    batches : Batches
        The batches that are learned from.
    staggered : bool
        Whether the sequences of a batch begin one after the other, evenly over their length.
    transition_steps : int
        Ticks in which input and target pass from one sequence to the next; 0 for a jump.
    """

    def __init__(
        self,
        task: Task,
        sim: Simulation,
        evaluator: Evaluator,
        batches: Batches,
        *,
        learning_rates: Mapping[str, float],
        ticks: int,
        beta: float,
        staggered: bool = False,
        transition_steps: int = 0,
    ) -> None:
        super().__init__(task, sim, evaluator, learning_rates=learning_rates, ticks=ticks, beta=beta)
        self.batches, self.staggered, self.transition_steps = batches, staggered, transition_steps

    def step(self, batch: Batch) -> BatchMetrics:
        """Let the sequences of a batch pass by."""
        x, targets = self.shown(batch.number)
        self.sim.set_input("input", x, every=self.sim.dt)
        every = None if targets.ndim == 2 else self.sim.dt
        self.sim.nudge("label", targets, self.beta, kind="cross_entropy", every=every)
        self.sim.run_ticks(self.ticks)
        return BatchMetrics(len(batch.samples))

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return accuracy and loss on the validation set."""
        return self.measure("validation")

    def shown(self, number: int) -> tuple[Floats, Floats]:
        """Return inputs (ticks, batch, n_inputs) and targets of a batch, counted from the first of all.

        Targets have the shape (batch, n_classes) where they stay, else (ticks, batch, n_classes).
        """
        labels, one_hot = self.task.labels("train"), np.eye(self.task.n_classes)
        samples, before = self.batches[number].samples, self.batches[max(number - 1, 0)].samples
        x: Floats = self.task.shown("train", samples)
        if not (self.staggered or self.transition_steps):
            return x, one_hot[labels[samples]]
        start = np.zeros(len(samples), np.int64)  # tick at which each sequence begins
        if self.staggered:
            start = np.arange(len(samples)) * self.ticks // len(samples)
        age = np.arange(self.ticks)[:, None] - start
        earlier: Floats = self.task.shown("train", before)
        x = np.concatenate([earlier, x])[age + self.ticks, np.arange(len(samples))]
        fraction = self._passed(age)
        x += np.where(age >= 0, 1 - fraction, 0).astype(np.float32)[:, :, None] * (earlier[-1] - x)
        fraction = fraction[:, :, None]
        return x, (1 - fraction) * one_hot[labels[before]] + fraction * one_hot[labels[samples]]

    def _passed(self, age: Ints) -> Floats:
        """Return how far input and target have passed to the sequences that are so many ticks old.

        A label that jumps comes out of every slow layer as a pulse (tau_mem / tau_r times as high, and
        inverted at the next tick), so that six layers would learn from little else.
        """
        if not self.transition_steps:
            return (age >= 0).astype(np.float64)
        fraction: Floats = 0.5 - 0.5 * np.cos(np.pi * np.clip((age + 1) / self.transition_steps, 0, 1))
        return fraction

    def measure(self, split: str, n_samples: int | None = None) -> dict[str, float]:
        """Return accuracy, by the sum of outputs over a sequence, and mean cross-entropy over its ticks.

        The sequences follow those that the network learned from last: as in training, nothing is reset. The
        network that learns stays as it is.

        Parameters
        ----------
        split : str
        n_samples : int, optional
            How many of the first samples of the split; all unless given.
        """
        labels, batch = self.task.labels(split)[:n_samples], int(self.sim.batch)
        sim = self._going_on()
        sim.record("label", "rate", every=sim.dt)
        starts = range(0, len(labels), batch)
        for start in starts:
            samples = np.arange(start, min(start + batch, len(labels)))
            sim.set_input("input", self.task.shown(split, np.resize(samples, batch)), every=sim.dt)
            sim.run_ticks(self.ticks)
        correct, loss = 0, 0.0
        answers = sim.trace("label", "rate").values.reshape(len(starts), self.ticks, batch, -1)
        for start, outputs in zip(starts, answers, strict=True):
            right = labels[start : start + batch]
            outputs = outputs[:, : len(right)]
            correct += int((outputs.sum(axis=0).argmax(axis=1) == right).sum())
            shifted = outputs - outputs.max(axis=2, keepdims=True)
            told = np.take_along_axis(
                shifted, np.broadcast_to(right[None, :, None], (self.ticks, len(right), 1)), 2
            )
            loss += float((np.log(np.exp(shifted).sum(axis=2)) - told[:, :, 0]).mean(axis=0).sum())
        return {f"{split}_accuracy": correct / len(labels), f"{split}_loss": loss / len(labels)}

    def _going_on(self) -> Simulation:
        """Return a simulation without targets and learning that goes on from the present state of `sim`."""
        sim = self.evaluator(int(self.sim.batch))
        for name in sim.net.populations:
            state = self.sim.handler(name).snapshot()
            if "nudged" in state:
                state["nudged"] = 0
            sim.handler(name).restore(state)
        return sim


class SequenceTrainer(Trainer):
    """A `Trainer` of a continuous network on sequences; learning rates change batch by batch.

    Parameters
    ----------
    task, sim, evaluator, learning_rates, ticks, beta, staggered, transition_steps
        As of `SequenceLearner`.
    epochs : int
    rng : callable
        Returns the stream of random numbers for a purpose.
    balanced_batches : bool
        Whether each batch holds as many sequences of each class, but for one.
    schedule, callbacks
        As of `Trainer`. For a schedule that follows a training metric, the first training sequences are
        evaluated after each epoch.
    """

    learner: SequenceLearner

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
        staggered: bool = False,
        balanced_batches: bool = False,
        transition_steps: int = 0,
        schedule: Schedule | None = None,
        callbacks: Sequence[Callback | Callable[[Trainer, dict[str, Any]], object]] = (),
    ) -> None:
        labels = task.labels("train")
        order = balanced(labels, rng) if balanced_batches else shuffled(len(labels), rng)
        batches = Batches(len(labels), int(sim.batch), order, rest="drop")
        learner = SequenceLearner(
            task,
            sim,
            evaluator,
            batches,
            learning_rates=learning_rates,
            ticks=ticks,
            beta=beta,
            staggered=staggered,
            transition_steps=transition_steps,
        )
        super().__init__(
            learner, batches, epochs=epochs, schedule=schedule, schedule_by="batch", callbacks=callbacks
        )

    def evaluate(self) -> dict[str, Any]:
        """Return validation metrics, the factor of the learning rates, and what the schedule needs."""
        metrics: dict[str, Any] = {"rate_scale": self.schedule(self.epoch + 1)} | super().evaluate()
        if isinstance(self.schedule, Schedule) and (self.schedule.metric or "").startswith("train_"):
            metrics |= self.learner.measure("train", EVALUATED)
        return metrics
