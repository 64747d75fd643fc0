"""What the `Trainer` drives: the network with its loss, its optimiser and its penalties, on a task."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.layers import LayerLearner
from eventsim.models.training.batches import Streams, seeded
from eventsim.models.training.losses.sequences import SequenceCrossEntropy
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.temporal_hierarchy import data, penalties
from eventsim.scenarios.temporal_hierarchy.network import HierarchicalNetwork
from eventsim.scenarios.temporal_hierarchy.settings import Settings

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer

__all__ = ["HierarchyLearner", "halvings", "learner", "trainer", "trainer_of_run"]

FLOOR = 1e-12  # added to probabilities in the loss
EPOCHS_AFTER = 5  # that must follow the first halving of the learning rate, else there is none


@dataclass(kw_only=True)
class HierarchyLearner(LayerLearner):
    """A `LayerLearner` that knows its network, and logs the time constants that it trains.

    Attributes
    ----------
    network : the network; `model` are its layers.
    """

    network: HierarchicalNetwork

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return the metrics of the validation set, and median time constants by layer if trained."""
        metrics: dict[str, Any] = super().evaluate(epoch)
        if self.network.settings.train_tau:
            metrics["tau_mem"] = np.array([np.median(tau) for tau in self.network.time_constants()])
        return metrics

    def accuracy(self, split: str, *, frozen: bool = False) -> float:
        """Return the accuracy on a split, by the statistics of each batch or by frozen ones."""
        self.network.use_frozen(frozen)
        accuracy = self.measure(split)[f"{split}_accuracy"]
        self.network.use_frozen(False)
        return accuracy

    def freeze(self) -> None:
        """Keep the statistics of the training set, for when frozen ones are asked for."""
        n = self.task.size("train")
        blocks = [slice(low, min(low + self.block, n)) for low in range(0, n, self.block)]
        self.network.freeze(lambda: (self.shown("train", block) for block in blocks))

    def shown(self, split: str, samples: slice) -> Any:
        """Return samples as the network is shown them, (time, batch, channel)."""
        return np.ascontiguousarray(np.moveaxis(self.task.shown(split, samples), 1, 0), self.model.dtype)


def halvings(epochs: int, first: int, every: int) -> Callable[[float], float]:
    """Return the published schedule: the rate is halved at epoch `first`, and every few epochs from then on.

    Runs that end within five epochs of the first halving keep their rate.

    >>> rate = halvings(60, 26, 5)
    >>> [rate(epoch) for epoch in (0, 25, 26, 30, 31, 59)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.0078125]
    """

    def factor(epoch: float) -> float:
        if epoch < first or first + EPOCHS_AFTER > epochs:
            return 1.0
        return float(0.5 ** (1 + (epoch - first) // every))

    return factor


def learner(settings: Settings, task: Task, rng: Streams, threads: int = 1) -> HierarchyLearner:
    """Return the learner of the network of a seed."""
    network = HierarchicalNetwork(settings, task.n_inputs, task.n_classes, rng, threads)
    parts: list[Any] = []
    if settings.weight_penalty:
        parts.append(penalties.WeightPenalty(settings.weight_penalty))
    if settings.rate_penalty:
        parts.append(penalties.RatePenalty(settings.rate_penalty, settings.target_spikes))
    if settings.train_tau:
        parts.append(penalties.DecayPenalty(settings.pull, float(np.exp(-settings.step / settings.tau_out))))
    shift = partial(data.shifted, mean=settings.frequency_shift)
    return HierarchyLearner(
        network=network,
        model=network.layers,
        optimiser=Adam(settings.learning_rate, counter=settings.adam_counter),
        task=task,
        loss=loss_of(settings),
        penalties=parts,
        rng=rng,
        augment=shift if settings.frequency_shift else None,
        block=settings.batch,
    )


def loss_of(settings: Settings) -> SequenceCrossEntropy:
    """Return the loss of the outputs; only steps that can be known count for the accuracy of each step."""
    if settings.readout == "cum":
        return SequenceCrossEntropy("cumulative", FLOOR)
    from eventsim.io import datasets

    return SequenceCrossEntropy("each_step", FLOOR, datasets.mts_xor_scored())


def trainer_of_run(settings: Settings, run: Run, seed: int) -> "tuple[Trainer, Task]":
    """Return the trainer of the network of a seed in a run, and its task."""
    rng = seeded(seed)
    task = data.task(settings, run, rng)
    return trainer(settings, task, rng, run.threads), task


def trainer(settings: Settings, task: Task, rng: Streams, threads: int = 1) -> "Trainer":
    """Return the trainer of a network; the best epoch on validation counts, of equal ones the latest."""
    from eventsim.models.training.batches import Batches, shuffled
    from eventsim.models.training.early_stopping import EarlyStopping
    from eventsim.models.training.trainer import Trainer

    n = task.size("train")
    return Trainer(
        learner(settings, task, rng, threads),
        Batches(n, settings.batch, shuffled(n, rng) if settings.shuffled else None),
        epochs=settings.epochs,
        schedule=halvings(settings.epochs, settings.halve_at, settings.halve_every),
        early_stopping=EarlyStopping(ties="latest"),
    )
