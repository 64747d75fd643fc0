"""Trainers of a run: pre-training in convolution form, and fine-tuning of the rounded network."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.layers import LayerLearner, Sequential
from eventsim.models.training.batches import Streams
from eventsim.models.training.losses.sequences import SequenceCrossEntropy, SequenceSquaredError
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.task import Task
from eventsim.scenarios.quantized_ssm.network import FIXED, s4d_layers

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["accuracy", "fine_tuning", "learner", "pre_training", "shown"]

POLES = ("a", "b", "log_delta")  # have a rate of their own and do not decay
BLOCK = 128  # samples that are evaluated at once


def learner(task: Task, network: Sequential, rng: Streams, optimiser: Adam) -> LayerLearner:
    """Return what the `Trainer` drives; classes are read from the mean over all steps, numbers from each."""
    return LayerLearner(
        model=network,
        optimiser=optimiser,
        task=task,
        loss=SequenceCrossEntropy("mean") if task.n_classes > 1 else SequenceSquaredError("each_step"),
        rng=rng,
        fixed=FIXED,
        block=BLOCK,
    )


def pre_training(settings: "Settings", task: Task, network: Sequential, rng: Streams) -> "Trainer":
    """Return the trainer of the network in full precision: AdamW, rates along a cosine."""
    kinds = {name.partition("/")[0] for name in network.parameters}
    rates = {kind: settings.pole_rate if kind in POLES else settings.learning_rate for kind in kinds}
    decays = {kind: settings.weight_decay for kind in kinds if kind not in (*POLES, *FIXED)}
    optimiser = Adam(rates, weight_decay=decays)
    return _trainer(settings, learner(task, network, rng, optimiser), settings.epochs)


def fine_tuning(settings: "Settings", task: Task, network: Sequential, rng: Streams) -> "Trainer":
    """Convert the rounded network to its parametrisation, and return its trainer."""
    for layer in s4d_layers(network):
        layer.convert(settings.parametrisation)
    network.adopt()

    def streams(*purpose: str | int) -> np.random.Generator:
        return rng("fine-tuning", *purpose)

    return _trainer(settings, learner(task, network, streams, Adam(settings.qat_rate)), settings.qat_epochs)


def _trainer(settings: "Settings", each: LayerLearner, epochs: int) -> "Trainer":
    from eventsim.models.training.batches import Batches, shuffled
    from eventsim.models.training.schedules import CosineDecay
    from eventsim.models.training.trainer import Trainer

    n = each.task.size("train")
    batches = Batches(n, settings.batch, shuffled(n, each.rng))
    return Trainer(each, batches, epochs=epochs, schedule=CosineDecay(max(epochs, 1)), schedule_by="batch")


def shown(task: Task, network: Sequential, n_samples: int) -> Any:
    """Return the first training samples as the network is shown them, (time, batch, channel)."""
    samples = slice(0, min(n_samples, task.size("train")))
    return np.ascontiguousarray(np.moveaxis(task.shown("train", samples), 1, 0), network.dtype)


def accuracy(task: Task, network: Sequential, split: str = "test") -> float:
    """Return the accuracy on a split, states step by step."""
    from eventsim.models.training.batches import seeded

    return learner(task, network, seeded(0), Adam()).measure(split)[f"{split}_accuracy"]
