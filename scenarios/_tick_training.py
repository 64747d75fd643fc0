"""What trainings of continuous networks share: batches in epochs, rates that fall, stopping and going on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim import Simulation

EVALUATED = 500  # samples side by side where nothing is learned


@dataclass(slots=True, kw_only=True)
class TickTraining:
    """A network on its way through the epochs of a training set, a batch at a time; nothing is reset between.

    Attributes
    ----------
    task : data by split in `sets`, (samples, labels) each.
    sim : Simulation that learns, as many samples side by side as its batch.
    tested : returns a simulation of a given batch with the present weights, for evaluation.
    rng : returns the stream of random numbers for a purpose, as `Run.rng`.
    rates : learning rate of each projection that learns.
    ticks, epochs : per batch, and passes over the training set; what is left after whole batches
        of a shuffled epoch is not shown in it.
    beta : strength of the nudging.
    cosine : true lets the rates fall along half a wave of the cosine, to nothing at the end.
    lowered : share of their first values that rates have come down to by other rules than the cosine.
    epoch, next : how far it is: the epoch, and its next batch.
    """

    task: Any
    sim: "Simulation"
    tested: "Callable[[int], Simulation]"
    rng: Callable[..., Generator]
    rates: Mapping[str, float]
    ticks: int
    epochs: int
    beta: float
    cosine: bool = False
    lowered: float = 1.0
    epoch: int = 0
    next: int = 0

    @property
    def n_batches(self) -> int:
        """Whole batches of an epoch."""
        return len(self.task.sets["train"][1]) // int(self.sim.batch)

    @property
    def scale(self) -> float:
        """Present learning rate as a share of the first."""
        if not self.cosine:
            return self.lowered
        done = (self.epoch + self.next / self.n_batches) / self.epochs
        return float(0.5 * (1 + np.cos(np.pi * done)))

    def advance(self) -> dict[str, float]:
        """Show the next batch; at the end of an epoch return its metrics, else nothing."""
        for name, rate in self.rates.items():
            self.sim.set_learning_rate(name, rate * self.scale)
        self.show(self.epoch * self.n_batches + self.next)
        self.next += 1
        if self.next < self.n_batches:
            return {}
        metrics = self.metrics()
        self.epoch, self.next = self.epoch + 1, 0
        return metrics

    def show(self, number: int) -> None:
        """Run the ticks of a batch, counted from the first of the first epoch."""
        raise NotImplementedError

    def metrics(self) -> dict[str, float]:
        """Return what is worth telling of an epoch, at its end."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return what the next batch depends on."""
        return {"epoch": self.epoch, "batch": self.next, "sim": self.sim.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.epoch, self.next = int(state["epoch"]), int(state["batch"])
        self.sim.restore(state["sim"])

    def train(self, run: Run, state: Callable[[], dict[str, Any]] | None = None) -> None:
        """Train to the end, reporting into the run; `state` returns what the run goes on from."""
        done = self.epoch * self.n_batches + self.next
        with run.progress(self.epochs * self.n_batches, "batch", done) as bar:
            while self.epoch < self.epochs:
                run.checkpoint(state or self.state)
                metrics = self.advance()
                bar.update()
                for name, value in metrics.items():
                    run.series(name, value)
                if metrics:
                    shown = ", ".join(f"{k.replace('_', ' ')} {v:.4f}" for k, v in metrics.items())
                    run.say(f"epoch {self.epoch}: {shown}")
