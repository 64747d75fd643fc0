"""Supervised learning of spiking networks: what a `Trainer` drives to fit the labels of a `Task`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.batches import Batch, Streams, seeded
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.optimisers import StatefulOptimiser
from eventsim.models.training.task import Task
from eventsim.states import check_entries

if TYPE_CHECKING:
    from eventsim.models.training.spike_learner import Step

__all__ = ["Encoder", "SpikingLearner", "SupervisedLearner"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Encoder = Callable[[NDArray[Any], Generator | None], Mapping[str, Any]]


class SpikingLearner(Protocol):
    """A network that learns from labelled spikes: a `SpikeLearner`, or one with a chip in the loop.

    `first_spikes`, `predict` and `step` take `rng` as well if the network is noisy.
    """

    reads_first_spikes: bool

    def step(self, inputs: Any, labels: Any, optimiser: StatefulOptimiser, **noise: Any) -> "Step":
        """Learn from a batch; `sample_weight` is passed on where samples have weights."""

    def first_spikes(self, inputs: Any, **noise: Generator) -> Floats:
        """Return when each output spikes first, shape (n_samples, n_outputs)."""

    def predict(self, inputs: Any, **noise: Generator) -> Ints:
        """Return the class of each sample, shape (n_samples,)."""

    def classes_of(self, first_spikes: Floats) -> Ints:
        """Return the class that first spikes of the outputs tell."""

    def state(self) -> State:
        """Return what the next step depends on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


@dataclass(kw_only=True)
class SupervisedLearner:
    """A spiking network, its optimiser and a task: a `Learner`.

    Attributes
    ----------
    network : the network that learns.
    optimiser : changes its parameters.
    task : samples and labels.
    encode : turns samples into the spikes of every source; given a generator, it may vary them. Unless given,
        the spikes of a source "input" are what the task encodes.
    rng : returns the stream of random numbers for a purpose; of seed 0 unless given.
    noisy_inputs : whether `encode` gets a generator in training.
    noisy_network : whether the network gets a generator, in training and in evaluation.
    block : samples that are evaluated at once.
    sample_weight : what the loss of each training sample is multiplied by; 1 unless given.
    """

    network: SpikingLearner
    optimiser: StatefulOptimiser
    task: Task
    encode: Encoder = None  # type: ignore[assignment]  # the default needs the task
    rng: Streams = field(default_factory=partial(seeded, 0))
    noisy_inputs: bool = False
    noisy_network: bool = False
    block: int = 1000
    sample_weight: Floats | None = None

    def __post_init__(self) -> None:
        if self.encode is None:
            self.encode = self._encode

    def _encode(self, samples: NDArray[Any], rng: Generator | None) -> Mapping[str, Any]:
        return {"input": self.task.encode(samples)}

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from a batch of the training set.

        The loss of an epoch is that of the samples whose gradient was followed. It leaves out batches whose
        weights were raised, which `bumps` counts, and samples whose loss is a constant, because an output
        was silent.
        """
        samples, labels = self.task.sets["train"]
        place = batch.epoch, batch.place
        inputs = self.encode(samples[batch.samples], self.rng("noise", *place) if self.noisy_inputs else None)
        noise: dict[str, Any] = {"rng": self.rng("hardware", *place)} if self.noisy_network else {}
        if self.sample_weight is not None:
            noise["sample_weight"] = self.sample_weight[batch.samples]
        step = self.network.step(inputs, labels[batch.samples], self.optimiser, **noise)
        n = len(batch.samples)
        followed = step.losses_followed
        sums = {"train_loss": float(followed.sum()), "train_accuracy": step.correct}
        sums |= {f"missing_{name}": fraction * n for name, fraction in step.missing.items()}
        bumps = int(step.bumped is not None)
        return BatchMetrics(n, sums, {"bumps": bumps}, {"train_loss": n - len(followed)})

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return the learning rate of the epoch, and the accuracy on the validation set if there is one."""
        metrics = {"learning_rate": self.optimiser.learning_rate}
        if "validation" in self.task.sets:
            metrics["validation_accuracy"] = self.accuracy("validation", epoch)
        return metrics

    def accuracy(self, split: str, epoch: int) -> float:
        """Return the fraction of a set whose class is right; the epoch decides about noise."""
        return float((self.predict(split, epoch) == self.task.labels(split)).mean())

    def predict(self, split: str, epoch: int) -> Ints:
        """Return the class of each sample of a set, shape (n_samples,)."""
        if self.network.reads_first_spikes:
            return self.network.classes_of(self.first_spikes(split, epoch))
        return np.concatenate(
            [self.network.predict(inputs, **noise) for inputs, noise in self._blocks(split, epoch)]
        )

    def first_spikes(self, split: str, epoch: int) -> Floats:
        """Return when each output spikes first for a set, shape (n_samples, n_classes)."""
        return np.concatenate(
            [self.network.first_spikes(inputs, **noise) for inputs, noise in self._blocks(split, epoch)]
        )

    def scale_learning_rates(self, factor: float) -> None:
        """Set all learning rates to `factor` times their first values."""
        self.optimiser.factor = factor

    def state(self) -> State:
        """Return what later steps depend on."""
        return {"network": self.network.state(), "optimiser": self.optimiser.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("network", "optimiser"), "a learner")
        self.network.restore(state["network"])
        self.optimiser.restore(state["optimiser"])

    def _blocks(self, split: str, epoch: int) -> Iterator[tuple[Mapping[str, Any], dict[str, Generator]]]:
        """Yield the inputs of a set block by block, and the generator that a noisy network takes."""
        samples = self.task.samples(split)
        for k in range(0, len(samples), self.block):
            noise = {"rng": self.rng("hardware", split, epoch, k)} if self.noisy_network else {}
            yield self.encode(samples[k : k + self.block], None), noise
