"""Training of prospective classifiers on still samples: shown side by side, learning never pauses.

Each batch is held for a number of ticks; neither neurons nor errors are reset in between, and the first ticks
of a batch therefore mix it with the one before. Training can stop and go on between any two batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.scenarios._tick_training import EVALUATED, TickTraining
from eventsim.trace import Floats, Ints


@dataclass(frozen=True, slots=True)
class Task:
    """Samples (n, n_inputs) with labels by split; samples are divided by `scale` when they are shown."""

    name: str
    n_inputs: int
    n_classes: int
    sets: dict[str, tuple[NDArray[Any], Ints]]
    scale: float = 1.0

    def shown(self, split: str, chosen: Any) -> Floats:
        """Return samples as the network sees them, shape (n, n_inputs)."""
        values: Floats = self.sets[split][0][chosen] / np.float32(self.scale)
        return values


@dataclass(slots=True, kw_only=True)
class Presentations(TickTraining):
    """A network with populations "image" and "label" on its way through the epochs of a `Task`.

    Attributes
    ----------
    late : ticks by which a target comes later than its image, as the answer does. Until then the target
        before is held; a target that meets the answer to another image teaches the mean of all targets.
    tau_target : time constant with which targets are low-passed, 0 for none.
    read : last ticks of a presentation over which the answer is averaged when a set is evaluated.
    before : presentations of training samples that precede an evaluation. Where rates depend on membranes, a
        network at rest answers otherwise than one that has been running, as it was when it learned.
    """

    late: int = 0
    tau_target: float = 0.0
    read: int = 1
    before: int = 0
    _tally: Floats = field(default_factory=lambda: np.zeros(3))
    _target: Floats | None = None  # as of the last tick: low-passed
    _held: Floats | None = None  # of the last presentation
    _order: Ints | None = None

    def show(self, number: int) -> None:
        """Hold the images of a batch for the ticks of a presentation."""
        labels = self.task.sets["train"][1]
        epoch, place = divmod(number, self.n_batches)
        if self._order is None:
            self._order = self.rng("shuffle", epoch).permutation(len(labels))
        batch = self.sim.batch
        chosen = self._order[place * batch : (place + 1) * batch]
        target = np.eye(self.task.n_classes)[labels[chosen]]
        self.sim.set_input("image", self.task.shown("train", chosen))
        self._nudge(target)
        self.sim.run_ticks(self.ticks)
        # without what nudges the output itself; the layers below are nudged here and free in `accuracy`
        answer = self.sim.array("label", "prospective") - self.sim.array("label", "error")
        self._tally += (
            0.5 * ((target - answer) ** 2).sum(),
            (answer.argmax(axis=1) == labels[chosen]).sum(),
            batch,
        )

    def metrics(self) -> dict[str, float]:
        """Return loss and accuracy of the epoch, and accuracy on the validation set."""
        loss, correct, n = self._tally
        self._tally, self._order = np.zeros(3), None
        return {
            "train_loss": loss / n,
            "train_accuracy": correct / n,
            "validation_accuracy": self.accuracy("validation"),
        }

    def _nudge(self, target: Floats) -> None:
        if not (self.tau_target or self.late):
            self.sim.nudge("label", target, self.beta)
            return
        if self._held is None or self._target is None:
            self._held, self._target = np.zeros_like(target), np.zeros_like(target)
        follow = self.sim.dt / self.tau_target if self.tau_target else 1.0
        series = np.empty((self.ticks, *target.shape))
        for tick, row in enumerate(series):
            self._target += follow * ((self._held if tick < self.late else target) - self._target)
            row[:] = self._target
        self._held = target
        self.sim.nudge("label", series, self.beta, every=self.sim.dt)

    def accuracy(self, split: str) -> float:
        """Return the fraction of a set whose largest output is right, shown as long but not nudged."""
        labels = self.task.sets[split][1]
        batch = min(EVALUATED, len(labels))
        sim, correct = self.tested(batch), 0
        for k in range(self.before):
            shown = np.arange(k * batch, (k + 1) * batch) % len(self.task.sets["train"][1])
            sim.set_input("image", self.task.shown("train", shown))
            sim.run_ticks(self.ticks)
        for start in range(0, len(labels), batch):
            chosen = np.arange(start, min(start + batch, len(labels)))
            shown = np.resize(chosen, batch)  # the last ones are filled up with repetitions
            sim.set_input("image", self.task.shown(split, shown))
            sim.run_ticks(self.ticks - self.read)
            answer = np.zeros((batch, self.task.n_classes))
            for _ in range(self.read):
                sim.run_ticks(1)
                answer += sim.array("label", "rate")
            correct += int((answer.argmax(axis=1)[: len(chosen)] == labels[chosen]).sum())
        return correct / len(labels)

    def state(self) -> dict[str, Any]:
        """Return what the next batch depends on."""
        state = TickTraining.state(self) | {"tally": self._tally.copy()}
        if self._target is not None and self._held is not None:
            state |= {"target": self._target.copy(), "held": self._held.copy()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        TickTraining.restore(self, state)
        self._tally, self._order = np.array(state["tally"]), None
        if "target" in state:
            self._target, self._held = np.array(state["target"]), np.array(state["held"])
