"""The loop over a stream of tasks: one `Trainer` for each task, and an accuracy matrix.

for t in tasks:  begin_task; train on task t; end_task; row t of the matrix: accuracy on tasks 0..t
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from eventsim.models.growth.learner import GrowingLearner
from eventsim.models.growth.network import n_parameters
from eventsim.models.training.batches import Batches, Streams, shuffled
from eventsim.models.training.learner import State
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Checkpoint, Log, Progress, Trainer

__all__ = ["ContinualTrainer", "TaskStream"]


class TaskStream(Protocol):
    """Tasks in their order, each with the splits "train" and "test"; they may be made when asked for."""

    def __len__(self) -> int:
        """Return the number of tasks."""

    def __getitem__(self, number: int) -> Task:
        """Return a task."""


class ContinualTrainer:
    """Takes a learner through a stream of tasks.

    Parameters
    ----------
    learner : GrowingLearner
    tasks : TaskStream
    epochs : callable
        Returns the epochs of a task, counted from 0.
    batch : int
        Samples of a step.
    rng : callable
        Returns the stream of random numbers for a purpose.
    rate_factor : callable, optional
        Returns the factor of the learning rate for a task; 1 unless given.

    Attributes
    ----------
    number : int
        The task that is learned, counted from 0; the number of tasks at the end.
    accuracies : ndarray, shape (T, T)
        Row t: accuracy on each task after learning task t; nan where there is none yet.
    parameter_epochs : int
        Sum over epochs of the number of parameters.
    """

    def __init__(
        self,
        learner: GrowingLearner,
        tasks: TaskStream,
        *,
        epochs: Callable[[int], int],
        batch: int,
        rng: Streams,
        rate_factor: Callable[[int], float] = lambda task: 1.0,
    ) -> None:
        self.learner, self.tasks, self.epochs = learner, tasks, epochs
        self.batch, self.rng, self.rate_factor = batch, rng, rate_factor
        self.number, self.parameter_epochs = 0, 0
        self.accuracies: NDArray[np.float64] = np.full((len(tasks), len(tasks)), np.nan)
        self._trainer: Trainer | None = None

    def run(
        self,
        *,
        checkpoint: Checkpoint | None = None,
        log: Log | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn all tasks that are left; the arguments are those of `Trainer.run`."""
        while self.number < len(self.tasks):
            trainer = self._trainer or self._begin()
            trainer.run(
                checkpoint=None if checkpoint is None else self._kept_by(checkpoint),
                log=log,
                progress=progress,
            )
            self._end(log)
        return self

    def _kept_by(self, checkpoint: Checkpoint) -> Checkpoint:
        return lambda state: checkpoint(self.state)

    def _begin(self, *, resumed: bool = False) -> Trainer:
        """Return the trainer of the present task."""
        task = self.tasks[self.number]
        if not resumed:
            self.learner.begin_task(task)
        self.learner.task = task
        n, streams = task.size("train"), partial(self.rng, "task", self.number)
        self.learner.rng = streams
        factor = self.rate_factor(self.number)
        self._trainer = Trainer(
            self.learner,
            Batches(n, min(self.batch, n), shuffled(n, streams)),
            epochs=self.epochs(self.number),
            schedule=lambda epoch: factor * self.learner.boost(epoch),
            callbacks=[self._count, self.learner],
        )
        return self._trainer

    def _count(self, trainer: Trainer, metrics: Mapping[str, Any]) -> None:
        self.parameter_epochs += int(metrics["parameters"])

    def _end(self, log: Log | None) -> None:
        """Close the present task."""
        self.learner.end_task()
        for earlier in range(self.number + 1):
            self.accuracies[self.number, earlier] = self.accuracy(earlier)
        if log is not None:
            log("accuracy", self.accuracies[self.number].copy())
            log("task_parameters", n_parameters(self.learner.model))
            log("task_occupied", np.array(self.learner.occupied()))
        self.number, self._trainer = self.number + 1, None

    def accuracy(self, number: int) -> float:
        """Return the accuracy on the test samples of a task."""
        task, present = self.tasks[number], self.learner.task
        self.learner.task = task
        found = self.learner.measure("test")["test_accuracy"]
        self.learner.task = present
        return found

    def state(self) -> State:
        """Return what later steps depend on."""
        return {
            "number": self.number,
            "parameter_epochs": self.parameter_epochs,
            "accuracies": self.accuracies.copy(),
            "trainer": self._trainer.state() if self._trainer is not None else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned within a task."""
        self.number = int(state["number"])
        self.parameter_epochs = int(state["parameter_epochs"])
        self.accuracies = np.array(state["accuracies"])
        self._begin(resumed=True).restore(state["trainer"])
