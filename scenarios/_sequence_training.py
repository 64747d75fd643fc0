"""Training on sequences in real time: the label is the target at every tick, and nothing is reset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Simulation

Curve = Literal["straight", "cubic"]
EVALUATED = 500  # sequences side by side where nothing is learned


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences (n, length, n_inputs) with labels by split, and how lines are drawn through their points."""

    name: str
    n_inputs: int
    n_classes: int
    sets: dict[str, tuple[NDArray[Any], Ints]]
    curve: Curve = "straight"

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
    cosine : true lets them fall along half a wave of the cosine instead, to nothing at the end.
    staggered : true lets the sequences of a batch begin one after the other, evenly over their length.
    balanced : true fills each batch with as many sequences of each class, but for one.
    ramp : ticks in which input and target pass from one sequence to the next; 0 for a jump.
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
    cosine: bool = False
    staggered: bool = False
    balanced: bool = False
    ramp: int = 0
    epoch: int = 0
    next: int = 0
    _order: tuple[int, Ints] | None = field(default=None)

    @property
    def n_batches(self) -> int:
        """Whole batches of an epoch."""
        return len(self.task.sets["train"][1]) // int(self.sim.batch)

    @property
    def scale(self) -> float:
        """Present learning rate as a share of the first."""
        if not self.cosine:
            return self.plateau.scale
        done = (self.epoch + self.next / self.n_batches) / self.epochs
        return float(0.5 * (1 + np.cos(np.pi * done)))

    def advance(self) -> dict[str, float]:
        """Show the next batch of sequences; at the end of an epoch return its figures, else nothing."""
        scale = self.scale
        for name, rate in self.rates.items():
            self.sim.set_learning_rate(name, rate * scale)
        x, targets = self.shown(self.epoch * self.n_batches + self.next)
        self.sim.drive("input", x, every=self.sim.dt)
        still = {} if targets.ndim == 2 else {"every": self.sim.dt}
        self.sim.nudge("label", targets, self.beta, kind="cross_entropy", **still)
        self.sim.run_ticks(self.ticks)
        self.next += 1
        if self.next < self.n_batches:
            return {}
        accuracy, loss = self.measure("validation")
        figures = {"rate_scale": scale, "validation_accuracy": accuracy, "validation_loss": loss}
        if not self.cosine:
            figures["train_accuracy"], figures["train_loss"] = self.measure("train", EVALUATED)
            self.plateau.tell(figures["train_loss"])
        self.epoch, self.next = self.epoch + 1, 0
        return figures

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
        self.epoch, self.next = int(state["epoch"]), int(state["batch"])
        p = state["plateau"]
        self.plateau.scale, self.plateau.best, self.plateau.bad = (
            float(p["scale"]),
            float(p["best"]),
            int(p["bad"]),
        )
        self.sim.restore(state["sim"])
