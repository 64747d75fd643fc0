"""A run of a network of rates: its data, its training, its codes, and the chip that it is put on."""

from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.models.training.batches import Batches
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.latent_equilibrium import data
from eventsim.scenarios.phaseless_alignment import colour_images
from eventsim.scenarios.phaseless_alignment.chip import on_chip
from eventsim.scenarios.phaseless_alignment.convolutional import ConvolutionalLearner
from eventsim.scenarios.phaseless_alignment.rate_networks import RateLearner
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

SHOWN = 2000  # samples of the test set whose codes are kept


def linear_readout(codes: Floats, labels: Ints, test: Floats, test_labels: Ints) -> float:
    """Return the test accuracy of multinomial logistic regression on standardised codes."""
    from scipy.optimize import minimize

    mean, std = codes.mean(axis=0), codes.std(axis=0) + 1e-12
    x, y = ((np.column_stack([(c - mean) / std, np.ones(len(c))])) for c in (codes, test))
    target = np.eye(10)[labels]

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat.reshape(x.shape[1], 10)
        z = x @ w
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        value = -np.log(p[np.arange(len(p)), labels] + 1e-300).mean() + 1e-4 * (flat**2).sum()
        return float(value), (x.T @ (p - target) / len(x)).ravel() + 2e-4 * flat

    found = minimize(loss, np.zeros(x.shape[1] * 10), jac=True, method="L-BFGS-B").x
    return float(((y @ found.reshape(x.shape[1], 10)).argmax(axis=1) == test_labels).mean())


def learn(config: Settings, run: Run) -> None:
    """Train a network of rates, and look at what it has learned."""
    ticks = round(config.presentation / config.dt)
    if ticks < 1:
        raise ConfigError(f"presentation must be at least a tick, got {config.presentation:g}")
    learner = _learner(config, run, ticks)
    task = learner.task
    if not run.state:
        untrained = {"epoch": 0, **learner.measured()}
        for name, value in untrained.items():
            run.series(name, value)

    def say(trainer: Trainer, metrics: dict[str, Any]) -> None:
        if "epoch" in metrics and 10 * trainer.epoch % max(config.epochs, 10) == 0:
            name = "validation_error" if learner.compresses else "validation_accuracy"
            listed = ", ".join(f"{angle:.1f}" for angle in metrics["alignment_degrees"])
            run.say(f"epoch {trainer.epoch}: {name.replace('_', ' ')} {metrics[name]:.4f}, angles {listed}")

    n = task.size("train")
    order = Batches(n, learner.sim.batch, lambda epoch: run.rng("order", epoch).permutation(n), rest="drop")
    train(run, Trainer(learner, order, epochs=config.epochs, callbacks=[say]))
    for k, angle in enumerate(learner.angles(), 1):
        run.metric(f"alignment_degrees_{k}", angle)
    run.parameter("alignment_degrees", learner.angles())
    for pre, post in learner.weighted:
        run.parameter(f"weight/{pre}->{post}", learner.sim.weights(f"{pre}->{post}"))
    if learner.compresses:
        _codes(config, run, learner)
    else:
        run.metric("validation_accuracy", learner.accuracy("validation"))
        run.metric("test_accuracy", learner.accuracy("test"))
    if config.chip_bits or config.chip_mismatch:
        on_chip(run, learner)


def _learner(config: Settings, run: Run, ticks: int) -> RateLearner:
    """Return the learner of a run with its data."""
    if config.dataset in ("cifar-10", "colours"):
        task = colour_images.task(run, config.dataset)
    else:
        task = data.static(run, config.dataset)
    if config.images:
        task = _smaller(task, config.images)
    if config.maps:
        if config.task == "autoencoder":
            raise ConfigError("an autoencoder has no maps; set maps=[] or task=classify")
        return ConvolutionalLearner(config, task, run.seed, ticks)
    sizes = (task.n_inputs, *config.hidden, task.n_inputs if config.task == "autoencoder" else 10)
    return RateLearner(config, task, sizes, run.seed, ticks)


def _smaller(task: Task, n: int) -> Task:
    """Return a task with the first n training images, and a fifth of it to validate."""
    kept = {"train": n, "validation": max(1, n // 5)}
    sets = {split: (x[: kept.get(split)], y[: kept.get(split)]) for split, (x, y) in task.sets.items()}
    return replace(task, sets=sets)


def _codes(config: Settings, run: Run, learner: RateLearner) -> None:
    """Keep codes of test samples, the error of the images, and how well a linear readout names them."""
    narrow = f"hidden{1 + int(np.argmin(config.hidden))}"
    codes = {split: learner.rates(split, (narrow,))[narrow] for split in ("train", "validation", "test")}
    labels = {split: learner.task.labels(split) for split in codes}
    for split in ("validation", "test"):
        run.metric(f"{split}_error", learner.reconstruction(split))
        accuracy = linear_readout(codes["train"], labels["train"], codes[split], labels[split])
        run.metric(f"{split}_readout_accuracy", accuracy)
    run.parameter("latent/codes", codes["test"][:SHOWN])
    run.parameter("latent/labels", labels["test"][:SHOWN])
