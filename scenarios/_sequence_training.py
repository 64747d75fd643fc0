"""Training on sequences in real time: the label is the target at every tick, and nothing is reset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.scenarios._tick_training import EVALUATED, TickTraining
from eventsim.trace import Floats, Ints

Curve = Literal["linear", "cubic"]


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences (n, length, n_inputs) with labels by split, and how lines are drawn through their points."""

    name: str
    n_inputs: int
    n_classes: int
    sets: dict[str, tuple[NDArray[Any], Ints]]
    curve: Curve = "linear"

    def shown(self, split: str, chosen: Any, ticks: int) -> Floats:
        """Return sequences as they are driven, shape (ticks, n, n_inputs): drawn through their points."""
        values = self.sets[split][0][chosen]
        drawn = np.tensordot(pen(values.shape[1], ticks, self.curve), values, (1, 1))
        return np.ascontiguousarray(drawn, dtype=np.float32)


@lru_cache(maxsize=8)
def pen(points: int, ticks: int, curve: Curve) -> Floats:
    """Return what turns the points of a sequence into its ticks, shape (ticks, points).

    Straight lines have kinks, which prospective errors sharpen layer by layer; cubic splines have none.
    """
    from scipy.interpolate import make_interp_spline

    at, places = np.arange(points), np.linspace(0, points - 1, ticks)
    through = make_interp_spline(at, np.eye(points), k=3 if curve == "cubic" else 1)
    weights: Floats = through(places).astype(np.float32)
    return weights


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


def spread(labels: Ints, rng: Generator) -> Ints:
    """Return a random order in which each class is spread evenly, so that a batch has as many of each."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (rng.permutation(len(members)) + rng.uniform()) / len(members)
    return np.argsort(place)


@dataclass(slots=True, kw_only=True)
class Stream(TickTraining):
    """A network with populations "input" and "label" on its way through the epochs of a set of `Sequences`.

    Attributes
    ----------
    plateau : how the rates fall, by the loss on the first training sequences, unless along a cosine.
    staggered : true lets the sequences of a batch begin one after the other, evenly over their length.
    balanced : true fills each batch with as many sequences of each class, but for one.
    ramp : ticks in which input and target pass from one sequence to the next; 0 for a jump.
    """

    plateau: Plateau
    staggered: bool = False
    balanced: bool = False
    ramp: int = 0
    _order: tuple[int, Ints] | None = field(default=None)

    def show(self, number: int) -> None:
        """Let the sequences of a batch pass by."""
        x, targets = self.shown(number)
        self.sim.set_input("input", x, every=self.sim.dt)
        still = {} if targets.ndim == 2 else {"every": self.sim.dt}
        self.sim.nudge("label", targets, self.beta, kind="cross_entropy", **still)
        self.sim.run_ticks(self.ticks)

    def metrics(self) -> dict[str, float]:
        """Return rate, accuracy and loss on the validation set, and what the plateau is told."""
        accuracy, loss = self.measure("validation")
        metrics = {"rate_scale": self.scale, "validation_accuracy": accuracy, "validation_loss": loss}
        if not self.cosine:
            metrics["train_accuracy"], metrics["train_loss"] = self.measure("train", EVALUATED)
            self.lowered = self.plateau.tell(metrics["train_loss"])
        return metrics

    def _chosen(self, number: int) -> Ints:
        """Return the training sequences of a batch, counted from the first of the first epoch."""
        epoch, place = divmod(max(number, 0), self.n_batches)
        batch = int(self.sim.batch)
        if self._order is None or self._order[0] != epoch:
            labels, rng = self.task.sets["train"][1], self.rng("shuffle", epoch)
            self._order = epoch, spread(labels, rng) if self.balanced else rng.permutation(len(labels))
        return self._order[1][place * batch : (place + 1) * batch]

    def shown(self, number: int) -> tuple[Floats, Floats]:
        """Return inputs (ticks, batch, n_inputs) and targets of a batch, counted from the first of all.

        Targets have the shape (batch, n_classes) where they stay, else (ticks, batch, n_classes).
        """
        labels, one_hot = self.task.sets["train"][1], np.eye(self.task.n_classes)
        chosen, before = self._chosen(number), self._chosen(number - 1)
        x = self.task.shown("train", chosen, self.ticks)
        if not (self.staggered or self.ramp):
            return x, one_hot[labels[chosen]]
        late = np.zeros(len(chosen), np.int64)  # ticks that sequences begin late
        if self.staggered:
            late = np.arange(len(chosen)) * self.ticks // len(chosen)
        age = np.arange(self.ticks)[:, None] - late
        earlier = self.task.shown("train", before, self.ticks)
        x = np.concatenate([earlier, x])[age + self.ticks, np.arange(len(chosen))]
        share = self._passed(age)
        x += np.where(age >= 0, 1 - share, 0).astype(np.float32)[:, :, None] * (earlier[-1] - x)
        share = share[:, :, None]
        return x, (1 - share) * one_hot[labels[before]] + share * one_hot[labels[chosen]]

    def _passed(self, age: Ints) -> Floats:
        """Return how far input and target have passed to the sequences that are so many ticks old.

        A label that jumps comes out of every slow layer as a pulse (tau_mem / tau_r times as high, and turned
        round at the next tick), so that six layers would learn from little else.
        """
        if not self.ramp:
            return (age >= 0).astype(np.float64)
        share: Floats = 0.5 - 0.5 * np.cos(np.pi * np.clip((age + 1) / self.ramp, 0, 1))
        return share

    def measure(self, split: str, most: int | None = None) -> tuple[float, float]:
        """Return accuracy, by the sum of outputs over a sequence, and mean cross-entropy over its ticks."""
        labels = self.task.sets[split][1][:most]
        batch = min(EVALUATED, len(labels))
        correct, loss = 0, 0.0
        for start in range(0, len(labels), batch):
            chosen = np.arange(start, min(start + batch, len(labels)))
            sim = self.tested(batch)
            sim.record("label", "rate", every=sim.dt)
            sim.set_input("input", self.task.shown(split, np.resize(chosen, batch), self.ticks), every=sim.dt)
            sim.run_ticks(self.ticks)
            outputs = sim.trace("label", "rate").values.reshape(self.ticks, batch, -1)[:, : len(chosen)]
            correct += int((outputs.sum(axis=0).argmax(axis=1) == labels[chosen]).sum())
            shifted = outputs - outputs.max(axis=2, keepdims=True)
            right = np.take_along_axis(
                shifted, np.broadcast_to(labels[chosen][None, :, None], (self.ticks, len(chosen), 1)), 2
            )
            loss += float((np.log(np.exp(shifted).sum(axis=2)) - right[:, :, 0]).mean(axis=0).sum())
        return correct / len(labels), loss / len(labels)

    def state(self) -> dict[str, Any]:
        """Return what the next batch depends on."""
        p = self.plateau
        return TickTraining.state(self) | {"plateau": {"scale": p.scale, "best": p.best, "bad": p.bad}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        TickTraining.restore(self, state)
        p = state["plateau"]
        self.plateau.scale, self.plateau.best = float(p["scale"]), float(p["best"])
        self.plateau.bad, self.lowered = int(p["bad"]), self.plateau.scale
