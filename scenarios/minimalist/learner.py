"""Training of one network, or of many that differ in their constraints and seeds, one after another."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from eventsim.models.layers import LayerLearner, Sequential
from eventsim.models.training.batches import Batches, seeded, shuffled
from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.losses.sequences import SequenceCrossEntropy
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.minimalist.network import clip, network
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.hardware.chips import Minimalist
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["Trained", "learner_of", "train_all", "trainer_of", "variants_of"]

BLOCK = 256  # samples that are evaluated at once
Trained = dict[tuple[int, int], Sequential]  # by place of the variant, and of the seed


def learner_of(task: Task, net: Sequential, seed: int, learning_rate: float = 0.01) -> LayerLearner:
    """Return what the `Trainer` drives; classes are read at the last step."""
    return LayerLearner(
        model=net,
        optimiser=Adam(learning_rate),
        task=task,
        loss=SequenceCrossEntropy("last"),
        rng=seeded(seed),
        constraint=clip,
        block=BLOCK,
    )


def trainer_of(
    settings: "Settings", task: Task, seed: int, threads: int, device: "Minimalist | None" = None
) -> Trainer:
    """Return the trainer of a network, on a device if one is given: Adam, rates along a cosine."""
    net = network(settings, task.n_inputs, task.n_classes, seeded(seed)("weights"))
    if device is not None:
        from eventsim.hardware.circuits import CircuitInTheLoop

        net = CircuitInTheLoop(net, device)
    net.threads = threads
    learner = learner_of(task, net, seed, settings.learning_rate)
    n = task.size("train")
    batches = Batches(n, settings.batch, shuffled(n, learner.rng))
    schedule = CosineDecay(max(settings.epochs, 1))
    return Trainer(learner, batches, epochs=settings.epochs, schedule=schedule, schedule_by="batch")


def train_all(
    settings: "Settings",
    run: Run,
    task: Task,
    variants: "Sequence[Settings]",
    device: "Minimalist | None" = None,
) -> Trained:
    """Train all networks, seed by seed, on a device if there is one; each is kept when it is finished.

    Series are those of the first network. The k-th seed is the run's plus k, the same for all variants.
    """
    state: dict[str, Any] = run.state or {"finished": {}, "active": {}}
    finished: dict[str, Any] = {key: dict(arrays) for key, arrays in state["finished"].items()}
    found: Trained = {}
    total = len(variants) * settings.networks
    with run.progress(total * settings.epochs, "epoch", len(finished) * settings.epochs) as bar:
        for k in range(settings.networks):
            for v, each in enumerate(variants):
                key = f"{v}-{k}"
                trainer = trainer_of(each, task, run.seed + k, run.threads, device)
                learner: Any = trainer.learner
                found[v, k] = Sequential(learner.model.layers)  # the software, whatever is in the loop
                found[v, k].adopt()
                found[v, k].threads = run.threads
                if key in finished:
                    learner.model.load_state_dict(finished[key])
                    continue
                if key in state["active"]:
                    trainer.restore(current_state(state["active"][key]))
                while not trainer.finished:
                    run.checkpoint(partial(_state, task.name, finished, key, trainer))
                    metrics = trainer.advance()
                    if metrics:
                        bar.update(1)
                    for name, value in metrics.items() if key == "0-0" else ():
                        run.series(name, value)
                finished[key] = learner.model.state_dict()
    return found


def _state(dataset: str, finished: dict[str, Any], key: str, trainer: Trainer) -> dict[str, Any]:
    """Return what the networks that are left depend on."""
    return {"dataset": dataset, "finished": dict(finished), "active": {key: trainer.state()}}


def variants_of(settings: "Settings") -> "list[Settings]":
    """Return the settings of each network that is compared, or of the one that is trained."""
    if not settings.compared:
        return [settings]
    return [replace(settings, constraints=stage, compared=()) for stage in settings.compared]
