"""Training on sequences in real time: the label is the target at every tick, and nothing is reset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Simulation

EVALUATED = 500  # sequences side by side where nothing is learned


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences (n, length, n_inputs) with labels by split."""

    name: str
    n_inputs: int
    n_classes: int
    sets: dict[str, tuple[NDArray[Any], Ints]]

    def shown(self, split: str, chosen: Any, ticks: int) -> Floats:
        """Return sequences as they are driven, shape (ticks, n, n_inputs): straight lines between points."""
        values = self.sets[split][0][chosen]
        places = np.linspace(0, values.shape[1] - 1, ticks)
        left = np.minimum(places.astype(np.int64), values.shape[1] - 2)
        part = (places - left)[:, None]
        drawn: Floats = (1 - part) * values[:, left] + part * values[:, left + 1]
        return np.ascontiguousarray(drawn.transpose(1, 0, 2), dtype=np.float32)


@dataclass(slots=True)
class Plateau:
    """Lower a rate by `factor` when a loss has not fallen for more than `patience` epochs."""

    patience: int
    factor: float
    scale: float = 1.0
    best: float = np.inf
    bad: int = 0

    def tell(self, loss: float) -> float:
        """Take the loss of an epoch; return the scale of the rate from now on."""
        if loss < self.best * (1 - 1e-4):
            self.best, self.bad = loss, 0
        else:
            self.bad += 1
        if self.bad > self.patience:
            self.scale, self.bad = self.scale * self.factor, 0
        return self.scale


@dataclass(slots=True)
class Stream:
    """A network on its way through the epochs of a set of sequences.

    Attributes
    ----------
    task : Sequences
    sim : Simulation with populations "input" and "label".
    tested : returns a simulation of a given batch with the present weights, for evaluation.
    rng : returns the stream of random numbers for a purpose, as `Run.rng`.
    rates : learning rate of each projection that learns.
    ticks, epochs : per sequence, and passes over the training set.
    plateau : how the rates fall, by the loss on the first training sequences.
    """

    task: Sequences
    sim: "Simulation"
    tested: "Callable[[int], Simulation]"
    rng: Callable[..., Generator]
    rates: dict[str, float]
    ticks: int
    epochs: int
    beta: float
    plateau: Plateau
    epoch: int = 0
    next: int = 0
    _order: Ints | None = field(default=None)

    @property
    def n_batches(self) -> int:
        """Whole batches of an epoch."""
        return len(self.task.sets["train"][1]) // int(self.sim.batch)

    def advance(self) -> dict[str, float]:
        """Show the next batch of sequences; at the end of an epoch return its figures, else nothing."""
        labels = self.task.sets["train"][1]
        if self._order is None:
            self._order = self.rng("shuffle", self.epoch).permutation(len(labels))
            for name, rate in self.rates.items():
                self.sim.set_learning_rate(name, rate * self.plateau.scale)
        batch = self.sim.batch
        chosen = self._order[self.next * batch : (self.next + 1) * batch]
        self.sim.drive("input", self.task.shown("train", chosen, self.ticks), every=self.sim.dt)
        self.sim.nudge("label", np.eye(self.task.n_classes)[labels[chosen]], self.beta, kind="cross_entropy")
        self.sim.run_ticks(self.ticks)
        self.next += 1
        if self.next < self.n_batches:
            return {}
        accuracy, loss = self.measure("train", EVALUATED)
        figures = {"train_loss": loss, "train_accuracy": accuracy, "rate_scale": self.plateau.scale}
        figures["validation_accuracy"], figures["validation_loss"] = self.measure("validation")
        self.plateau.tell(loss)
        self.epoch, self.next, self._order = self.epoch + 1, 0, None
        return figures

    def measure(self, split: str, most: int | None = None) -> tuple[float, float]:
        """Return accuracy, by the sum of outputs over a sequence, and mean cross-entropy over its ticks."""
        labels = self.task.sets[split][1][:most]
        batch = min(EVALUATED, len(labels))
        correct, loss = 0, 0.0
        for start in range(0, len(labels), batch):
            chosen = np.arange(start, min(start + batch, len(labels)))
            sim = self.tested(batch)
            sim.record("label", "rate", every=sim.dt)
            sim.drive("input", self.task.shown(split, np.resize(chosen, batch), self.ticks), every=sim.dt)
            sim.run_ticks(self.ticks)
            outputs = sim.trace("label", "rate").values.reshape(self.ticks, batch, -1)[:, : len(chosen)]
            correct += int((outputs.sum(axis=0).argmax(axis=1) == labels[chosen]).sum())
            shifted = outputs - outputs.max(axis=2, keepdims=True)
            right = np.take_along_axis(
                shifted, np.broadcast_to(labels[chosen][None, :, None], (self.ticks, len(chosen), 1)), 2
            )
            loss += float((np.log(np.exp(shifted).sum(axis=2)) - right[:, :, 0]).mean(axis=0).sum())
        return correct / len(labels), loss / len(labels)

    def train(self, run: Run) -> None:
        """Train to the end, reporting into the run."""
        done = self.epoch * self.n_batches + self.next
        with run.progress(self.epochs * self.n_batches, "batch", done) as bar:
            while self.epoch < self.epochs:
                run.checkpoint(self.state)
                figures = self.advance()
                bar.update()
                for name, value in figures.items():
                    run.series(name, value)
                if figures:
                    run.say(
                        f"epoch {self.epoch}: "
                        + ", ".join(f"{k.replace('_', ' ')} {v:.4f}" for k, v in figures.items())
                    )

    def state(self) -> dict[str, Any]:
        """Return what the next batch depends on."""
        p = self.plateau
        return {
            "epoch": self.epoch,
            "batch": self.next,
            "plateau": {"scale": p.scale, "best": p.best, "bad": p.bad},
            "sim": self.sim.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.epoch, self.next, self._order = int(state["epoch"]), int(state["batch"]), None
        p = state["plateau"]
        self.plateau.scale, self.plateau.best, self.plateau.bad = (
            float(p["scale"]),
            float(p["best"]),
            int(p["bad"]),
        )
        self.sim.restore(state["sim"])
