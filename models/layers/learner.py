"""Supervised learning of layers: what a `Trainer` drives to fit the labels of a `Task` of sequences.

for each batch:  y = model.forward(x);  losses, dy = loss(y, labels);  penalties;  model.backward(dy / batch);
                 optimiser.update(parameters, gradients);  constraint
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.layers.layer import Array
from eventsim.models.layers.padded_sequences import time_first
from eventsim.models.layers.sequential import Sequential
from eventsim.models.training.batches import Batch, Streams, seeded
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.losses.sequences import SequenceCrossEntropy
from eventsim.models.training.optimisers import StatefulOptimiser
from eventsim.models.training.task import Task

__all__ = ["LayerLearner", "Penalised", "Penalty"]


class Penalised(NamedTuple):
    """What a penalty adds.

    Attributes
    ----------
    loss : to the mean loss of the batch.
    outputs : to dL/dy of the outputs of layers, by place in the `Sequential`.
    parameters : to dL/dp of parameters, by name.
    """

    loss: float
    outputs: Mapping[int, Array] = {}
    parameters: Mapping[str, Array] = {}


class Penalty(Protocol):
    """Something that is to be small beside the loss; called after each forward pass of training."""

    def __call__(self, model: Sequential, lengths: Array | None) -> Penalised:
        """Return the penalty and its derivatives; ``model.outputs`` holds what came out of each layer."""


@dataclass(kw_only=True)
class LayerLearner:
    """Layers, their optimiser and a task of sequences: a `Learner`.

    Attributes
    ----------
    model : layers that are built.
    optimiser : changes its parameters.
    task : sequences (n, time, channels), or `PaddedSequences`, and their labels by split.
    loss : of the outputs over time; see `eventsim.models.training.losses.sequences`.
    penalties : added to the loss.
    rng : returns the stream of random numbers for a purpose; of seed 0 unless given.
    augment : called with a training batch (time, batch, channels) and a generator, returns what is shown.
    constraint : called after each step with the model, to put parameters back into their range.
    fixed : names or kinds of parameters that are not learned.
    block : samples that are evaluated at once.
    """

    model: Sequential
    optimiser: StatefulOptimiser
    task: Task
    loss: Any = field(default_factory=SequenceCrossEntropy)
    penalties: Sequence[Penalty] = ()
    rng: Streams = field(default_factory=partial(seeded, 0))
    augment: Callable[[Array, Generator], Array] | None = None
    constraint: Callable[[Sequential], object] | None = None
    fixed: Sequence[str] = ()
    block: int = 256

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from a batch of the training set.

        Raises
        ------
        FloatingPointError
            If the loss is not finite any more.
        """
        samples = batch.samples
        x, lengths = self._shown("train", samples)
        place, n = (batch.epoch, batch.place), len(samples)
        if self.augment is not None:
            x = self.augment(x, self.rng("augment", *place))
        labels = self.task.labels("train")[samples]
        y = self.model.forward(x, training=True, lengths=lengths, rng=self.rng("layers", *place))
        losses, dy = self.loss(y, labels, lengths=lengths)
        loss = float(losses.sum(dtype=np.float64))
        sums: dict[str, Any] = {"train_loss": loss}
        if hasattr(self.loss, "accuracy"):
            sums["train_accuracy"] = float(self.loss.accuracy(y, labels, lengths=lengths).sum())
        added = [penalty(self.model, lengths) for penalty in self.penalties]
        if added:
            sums["penalty"] = n * sum(each.loss for each in added)
        if not np.isfinite(loss + sums.get("penalty", 0.0)):
            raise FloatingPointError(
                f"the loss is {loss / n} in epoch {batch.epoch}, batch {batch.place}; "
                "lower the learning rate or limit gradients with max_norm"
            )
        dy = dy / dy.dtype.type(n)
        self.model.backward(dy, input_gradient=False, added=_merged(each.outputs for each in added))
        gradients = dict(self.model.gradients)
        for name, extra in _merged(each.parameters for each in added).items():
            gradients[name] = gradients[name] + extra.astype(gradients[name].dtype, copy=False)
        for name in [name for name in gradients if self._is_fixed(name)]:
            del gradients[name]
        if hasattr(self.optimiser, "epoch"):
            self.optimiser.epoch = batch.epoch
        self.optimiser.update(self.model.parameters, gradients)
        if self.constraint is not None:
            self.constraint(self.model)
        return BatchMetrics(n, sums)

    def _is_fixed(self, name: str) -> bool:
        return name in self.fixed or name.partition("/")[0] in self.fixed

    def _shown(self, split: str, chosen: Any) -> tuple[Array, NDArray[np.int64] | None]:
        """Return sequences as the layers read them, (time, batch, channels), and their lengths."""
        return time_first(self.task.shown(split, chosen), self.model.dtype)

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return the learning rate of the epoch, and the metrics of the validation set if there is one."""
        metrics = {"learning_rate": self.optimiser.learning_rate}
        return metrics | (self.measure("validation") if "validation" in self.task.sets else {})

    def measure(self, split: str) -> dict[str, float]:
        """Return the mean loss and, of classes, the accuracy on a set."""
        loss, accuracy = 0.0, 0.0
        n, labels = self.task.size(split), self.task.labels(split)
        for chosen, y, lengths in self._outputs(split):
            loss += float(self.loss(y, labels[chosen], lengths=lengths)[0].sum(dtype=np.float64))
            if hasattr(self.loss, "accuracy"):
                accuracy += float(self.loss.accuracy(y, labels[chosen], lengths=lengths).sum())
        metrics = {f"{split}_loss": loss / n}
        return metrics | ({f"{split}_accuracy": accuracy / n} if hasattr(self.loss, "accuracy") else {})

    def predict(self, split: str) -> NDArray[Any]:
        """Return what the loss reads from the outputs for each sample of a set."""
        predicted = [self.loss.predict(y, lengths=lengths) for _, y, lengths in self._outputs(split)]
        return np.concatenate(predicted)

    def _outputs(self, split: str) -> Iterator[tuple[slice, Array, NDArray[np.int64] | None]]:
        for low in range(0, self.task.size(split), self.block):
            chosen = slice(low, low + self.block)
            x, lengths = self._shown(split, chosen)
            yield chosen, self.model.forward(x, lengths=lengths), lengths

    def scale_learning_rates(self, factor: float) -> None:
        """Set all learning rates to `factor` times their first values."""
        self.optimiser.factor = factor

    def state(self) -> State:
        """Return what later steps depend on."""
        return {"model": self.model.state_dict(), "optimiser": self.optimiser.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimiser.restore(state["optimiser"])


def _merged(each: Any) -> dict[Any, Array]:
    """Return sums of arrays by key."""
    sums: dict[Any, Array] = {}
    for arrays in each:
        for key, array in arrays.items():
            sums[key] = sums[key] + array if key in sums else array
    return sums
