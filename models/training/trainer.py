"""The training loop: batches and epochs, schedule, validation, early stopping, checkpoints, callbacks.

    for each epoch:
        for each batch:  checkpoint; scale the learning rates; learner.step(batch); on_batch_end
        evaluate; schedule and early stopping look at the metrics; on_epoch_end

The loop knows no data and no network: a `Learner` does. Checkpoints, logs and progress go to plain functions
that the caller hands in. A `Trainer` restored from a checkpoint goes on to the same bits, from any batch.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol, Self

import numpy as np

from eventsim.models.training.batches import Batches
from eventsim.models.training.early_stopping import EarlyStopping
from eventsim.models.training.learner import EpochMetrics, Learner, State
from eventsim.models.training.schedules import Constant, Schedule
from eventsim.named import Named
from eventsim.states import check_entries

__all__ = ["Callback", "Checkpoint", "Log", "Progress", "Trainer"]

BAR_INTERVAL = 0.1  # s between two updates of a progress bar within an epoch

Metrics = dict[str, Any]
Checkpoint = Callable[[Callable[[], State]], object]  # is given a function that returns the state
Log = Callable[[str, Any], object]  # is given the name of a metric and its value in an epoch


class Bar(Protocol):
    """A progress bar."""

    def update(self, n: float = 1, **metrics: float) -> None:
        """Advance by `n`, and show metrics beside the bar."""


Progress = Callable[[float, str, float], AbstractContextManager[Bar]]  # total, unit, how much is done


class Callback:
    """What is called during training; a subclass overrides what it needs."""

    def on_batch_end(self, trainer: "Trainer", metrics: Metrics) -> object:
        """Look at the metrics of a batch, after its step. True ends training with this epoch."""

    def on_epoch_end(self, trainer: "Trainer", metrics: Metrics) -> object:
        """Look at the metrics of an epoch, at its end. True ends training."""


class _EpochFunction(Callback):
    """A plain function that is called at the end of each epoch."""

    def __init__(self, function: Callable[["Trainer", Metrics], object]) -> None:
        self.function = function

    def on_epoch_end(self, trainer: "Trainer", metrics: Metrics) -> object:
        return self.function(trainer, metrics)


class Trainer:
    """Takes a learner through the epochs of a training set.

    Parameters
    ----------
    learner : Learner
        What is trained.
    batches : Batches
        Which samples each batch holds.
    epochs : int
        Passes over the training set.
    schedule : callable, optional
        Returns the factor of the learning rates for an epoch; see `eventsim.models.training.schedules`.
        Constant unless given.
    schedule_by : {"epoch", "batch"}
        Whether the schedule is called with whole epochs, or with the fraction that is done as well.
    early_stopping : EarlyStopping, optional
        When to end before the last epoch, and whether to go back to the best one.
    callbacks : sequence of Callback or callable
        A plain callable is called at the end of each epoch, with the trainer and the metrics.

    Attributes
    ----------
    epoch, batch : int
        Epoch and batch within it that come next, counted from 0.
    history : dict of str to list
        Metrics of all epochs so far.
    stopped : bool
        Whether a callback or early stopping has ended training.

    Raises
    ------
    ValueError
        If `epochs` is negative.
    """

    def __init__(
        self,
        learner: Learner,
        batches: Batches,
        *,
        epochs: int,
        schedule: Schedule | Callable[[float], float] | None = None,
        schedule_by: Literal["epoch", "batch"] = "epoch",
        early_stopping: EarlyStopping | None = None,
        callbacks: Sequence[Callback | Callable[["Trainer", Metrics], object]] = (),
    ) -> None:
        if epochs < 0:
            raise ValueError(f"epochs must be at least 0, got {epochs!r}")
        if schedule_by not in ("epoch", "batch"):
            raise ValueError(f"schedule_by must be 'epoch' or 'batch', got {schedule_by!r}")
        self.learner, self.batches, self.epochs = learner, batches, epochs
        self.schedule: Schedule | Callable[[float], float] = Constant() if schedule is None else schedule
        self.schedule_by, self.early_stopping = schedule_by, early_stopping
        self.callbacks: list[Callback] = []
        for callback in callbacks:
            self.add_callback(callback)
        self.epoch = self.batch = 0
        self.history: dict[str, list[Any]] = Named("series", "history")
        self.stopped = False
        self._sums = EpochMetrics()
        self._factor = math.nan  # of the learner at present

    def add_callback(self, callback: Callback | Callable[["Trainer", Metrics], object]) -> None:
        """Add what is called during training; see `callbacks`."""
        self.callbacks.append(callback if isinstance(callback, Callback) else _EpochFunction(callback))

    @property
    def total(self) -> int:
        """Number of batches of all epochs."""
        return self.epochs * len(self.batches)

    @property
    def done(self) -> int:
        """Number of batches that have been learned from."""
        return self.epoch * len(self.batches) + self.batch

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to learn from."""
        return self.epoch >= self.epochs or self.stopped

    @property
    def learning_rate_factor(self) -> float:
        """Factor of the learning rates for the next batch."""
        if self.schedule_by == "batch":
            return self.schedule(self.epoch + self.batch / len(self.batches))
        return self.schedule(self.epoch)

    def run(
        self,
        *,
        checkpoint: Checkpoint | None = None,
        log: Log | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train to the end.

        Parameters
        ----------
        checkpoint : callable, optional
            Called before each batch with a function that returns the state; it decides whether to keep it. If
            it raises an exception to stop, training can go on from that state.
        log : callable, optional
            Called with name and value of each metric of an epoch.
        progress : callable, optional
            Called with number of batches, unit and how many are done; returns a context whose value has
            ``update(n, **metrics)``.
        """
        bar: Any
        waiting, latest = 0, time.monotonic()  # batches since the latest update of the bar
        with progress(self.total, "batch", self.done) if progress else nullcontext() as bar:
            while not self.finished:
                if checkpoint is not None:
                    checkpoint(self.state)
                metrics = self.advance()
                if log is not None:
                    for name, value in metrics.items():
                        log(name, value)
                if bar is not None:
                    waiting, now = waiting + 1, time.monotonic()
                    if metrics or now - latest > BAR_INTERVAL:
                        bar.update(waiting, **_shown(metrics))
                        waiting, latest = 0, now
        return self

    def advance(self) -> Metrics:
        """Learn from the next batch; at the end of an epoch return its metrics, else nothing.

        Raises
        ------
        RuntimeError
            If training has ended.
        """
        if self.finished:
            raise RuntimeError(f"training ended after {self.epoch} epochs; raise epochs to go on")
        factor = self.learning_rate_factor
        if factor != self._factor:
            self.learner.scale_learning_rates(factor)
            self._factor = factor
        step = self.learner.step(self.batches[self.done])
        self._sums.add(step)
        self.batch += 1
        if self.callbacks:
            stops = [callback.on_batch_end(self, step.means()) is True for callback in self.callbacks]
            self.stopped |= any(stops)
        return self._end_epoch() if self.batch == len(self.batches) or self.stopped else {}

    def advance_epoch(self) -> Metrics:
        """Learn from what is left of the epoch, and return its metrics; nothing if training has ended."""
        epoch, metrics = self.epoch, {}
        while self.epoch == epoch and not self.finished:
            metrics = self.advance()
        return metrics

    def _end_epoch(self) -> Metrics:
        """Close an epoch and return its metrics."""
        metrics = self._sums.metrics() | self.evaluate()
        epoch = self.epoch
        if isinstance(self.schedule, Schedule):
            self.schedule.observe(metrics)
        if self.early_stopping is not None:
            self.early_stopping.observe(epoch, metrics, self.learner.state)
        self.epoch, self.batch, self._sums = epoch + 1, 0, EpochMetrics()
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)
        stops = [callback.on_epoch_end(self, metrics) is True for callback in self.callbacks]
        self.stopped |= any(stops)
        if self.early_stopping is not None:
            self.stopped |= self.early_stopping.is_exhausted(epoch)
            if self.finished:
                self.early_stopping.restore_best(self.learner.restore)
                self._factor = math.nan
        return metrics

    def evaluate(self) -> Metrics:
        """Return the metrics that an epoch ends with, beside those of its batches."""
        return dict(self.learner.evaluate(self.epoch))

    def state(self) -> State:
        """Return what the next batch depends on."""
        state: State = {
            "epoch": self.epoch,
            "batch": self.batch,
            "stopped": self.stopped,
            "metrics": self._sums.state(),
            "history": {name: np.stack(values) for name, values in self.history.items()},
            "learner": self.learner.state(),
        }
        if isinstance(self.schedule, Schedule):
            state["schedule"] = self.schedule.state()
        if self.early_stopping is not None:
            state["early_stopping"] = self.early_stopping.state()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("epoch", "batch", "metrics", "learner"), "a trainer")
        self.epoch, self.batch = int(state["epoch"]), int(state["batch"])
        self.stopped = bool(state.get("stopped", False))
        self._sums, self._factor = EpochMetrics.restored(state["metrics"]), math.nan
        self.history = {name: list(values) for name, values in state.get("history", {}).items()}
        self.learner.restore(state["learner"])
        if isinstance(self.schedule, Schedule) and state.get("schedule"):
            self.schedule.restore(state["schedule"])
        if self.early_stopping is not None and "early_stopping" in state:
            self.early_stopping.restore(state["early_stopping"])


def _shown(metrics: Metrics) -> dict[str, float]:
    """Return the metrics that are shown beside a progress bar."""
    short = {"train_loss": "loss", "validation_accuracy": "validation"}
    return {
        short[name]: float(value) for name, value in metrics.items() if name in short and np.ndim(value) == 0
    }
