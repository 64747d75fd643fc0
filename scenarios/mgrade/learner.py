"""The trainer of a network: AdamW along a cosine, delays with a rate of their own, Gauss taps that narrow."""

from typing import TYPE_CHECKING, Any

from eventsim.models.layers import LayerLearner, Sequential
from eventsim.models.layers.delay_conv import keep_positions_inside
from eventsim.models.training.batches import Batches, Streams, shuffled
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.trainer import Callback, Trainer
from eventsim.scenarios.mgrade.network import delay_layers
from eventsim.scenarios.mgrade.problem import Problem

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["Narrowing", "learner", "spread_at", "trainer"]

DECAYING = ("weight", "gate_weight")
LAST_SPREAD = 0.23  # steps
NARROWED_BY = 0.25  # of training


def spread_at(first: float, epoch: int, epochs: int) -> float:
    """Return the width of Gauss taps in an epoch: it shrinks by one factor an epoch in the first quarter."""
    done = min(1.0, epoch / max(1.0, NARROWED_BY * epochs))
    narrower: float = (min(first, LAST_SPREAD) / first) ** done
    return first * narrower


class Narrowing(Callback):
    """Narrows Gauss taps from epoch to epoch; see `spread_at`."""

    def __init__(self, model: Sequential, first: float) -> None:
        self.layers, self.first = delay_layers(model), first

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, Any]) -> None:
        """Set the width for the next epoch."""
        for layer in self.layers:
            if "spread" in layer.buffers:
                layer.buffers["spread"][...] = spread_at(self.first, trainer.epoch, trainer.epochs)


def learner(
    settings: "Settings", problem: Problem, network: Sequential, rng: Streams, block: int = 128
) -> LayerLearner:
    """Return what the `Trainer` drives."""
    kinds = {name.partition("/")[0] for name in network.parameters}
    rates = dict.fromkeys(kinds, settings.learning_rate)
    if "position" in rates:
        rates["position"] *= settings.position_factor
    decays = {kind: settings.weight_decay for kind in kinds if kind in DECAYING}
    return LayerLearner(
        model=network,
        optimiser=Adam(rates, weight_decay=decays),
        task=problem.task,
        loss=problem.loss,
        rng=rng,
        constraint=keep_positions_inside,
        block=block,
    )


def trainer(settings: "Settings", problem: Problem, network: Sequential, rng: Streams) -> Trainer:
    """Return the trainer of a network."""
    n, epochs = problem.task.size("train"), settings.epochs
    return Trainer(
        learner(settings, problem, network, rng),
        Batches(n, min(settings.batch, n), shuffled(n, rng)),
        epochs=epochs,
        schedule=CosineDecay(max(epochs, 1)),
        schedule_by="batch",
        callbacks=[Narrowing(network, settings.first_spread)],
    )
