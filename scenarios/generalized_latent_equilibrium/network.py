"""The network: input, lagging neurons in front if any, hidden layers of fast and slow neurons, outputs."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.task import Task
from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network, Simulation
    from eventsim.models.training.continuous_learner import Evaluator
    from eventsim.models.training.schedules import Schedule
    from eventsim.models.training.sequence_trainer import SequenceTrainer

# Median over the authors' ten runs of MNIST-1D, whose rates were halved on a plateau of the test loss.
PUBLISHED_EPOCHS = (13.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0)
PUBLISHED_FACTORS = (1.0, 0.25, 0.08, 0.04, 9e-3, 1.5e-3, 3e-4)


def time_constants(config: Settings) -> tuple[Floats, Floats]:
    """Return tau_mem and tau_r of a hidden layer, fast neurons first."""
    groups = np.array_split(np.empty(config.slow), len(config.tau_slow))
    slow = [np.full(len(group), tau) for group, tau in zip(groups, config.tau_slow, strict=True)]
    tau_mem = np.concatenate([np.full(config.fast, config.tau_fast), *slow])
    tau_r = np.where(np.arange(len(tau_mem)) < config.fast, tau_mem, max(config.tau_r, config.dt))
    return tau_mem, tau_mem if config.instantaneous else tau_r


def network(config: Settings, n_inputs: int, n_outputs: int, seed: int, learning: bool = True) -> "Network":
    """Return the untrained network: input, memory if any, hidden layers (the first linear), label."""
    from eventsim import Network, models

    net = Network(seed=seed, time_unit="1")
    net.add("input", models.RateInput(), n_inputs)
    before = "input"
    for k in range(config.memory):
        tau = np.linspace(config.dt, 1.8, 10)
        lag = models.GeneralizedLatentEquilibrium(tau, config.dt, "linear", errors="instant")
        net.add(f"memory{k + 1}", lag, 10)
        weight = np.eye(10) if k else np.ones((n_inputs, 10))
        net.connect(before, f"memory{k + 1}", weight=weight, feedback=False)
        before = f"memory{k + 1}"
    names = [before, *(f"hidden{k}" for k in range(1, config.layers + 1)), "label"]
    tau_mem, tau_r = time_constants(config)
    for pre, post in pairwise(names):
        last = post == "label"
        linear = last or (post == "hidden1" and not config.memory)
        neuron = models.GeneralizedLatentEquilibrium(
            config.tau_fast if last else tau_mem,
            config.tau_fast if last else tau_r,
            "linear" if linear else "tanh",
            gamma=config.gamma,
            errors=config.errors,
        )
        net.add(post, neuron, n_outputs if last else len(tau_mem))
        shape = net.populations[pre].n, net.populations[post].n
        rng, bound = streams.stream(seed, "weight", pre, post), 1 / np.sqrt(shape[0])
        weight, bias = rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, shape[1])
        weight *= config.weight_scale
        projection = net.connect(pre, post, weight=weight, bias=bias, feedback=learning and pre != before)
        if learning:
            net.add_plasticity(projection, rule(config))
    return net


def rule(config: Settings) -> Any:
    """Return how weights learn: Adam at every tick."""
    from eventsim import models

    return models.plasticity.ErrorTimesRate(learning_rate=config.learning_rate / config.dt, optimiser="adam")


def simulations(
    config: Settings, n_inputs: int, n_outputs: int, seed: int, batch: int
) -> "tuple[Simulation, Evaluator]":
    """Return a simulation that learns, and what makes one with its weights that does not."""
    from eventsim import Simulation

    sim = Simulation(
        network(config, n_inputs, n_outputs, seed), dt=config.dt, batch=batch, dtype=config.precision
    )

    def evaluator(batch: int) -> "Simulation":
        untrained = network(config, n_inputs, n_outputs, seed, learning=False)
        present = Simulation(untrained, dt=config.dt, batch=batch, dtype=config.precision)
        for name, _ in sim.net.plasticity:
            present.set_weights(name, sim.weights(name), sim.bias(name))
        return present

    return sim, evaluator


def schedule(config: Settings) -> "Schedule":
    """Return how the learning rate falls."""
    from eventsim.models.training.schedules import CosineDecay, ExponentialPath, Plateau

    if config.lr_schedule == "cosine":
        return CosineDecay(max(config.epochs, 1))
    if config.lr_schedule == "published":
        return ExponentialPath(PUBLISHED_EPOCHS, PUBLISHED_FACTORS)
    return Plateau(config.patience, config.factor)


def trainer(config: Settings, task: Task, seed: int) -> "SequenceTrainer":
    """Return the trainer of the network of a seed; sequences are drawn through their points."""
    from eventsim.models.inputs.interpolation import Interpolation
    from eventsim.models.training.sequence_trainer import SequenceTrainer

    batch = min(config.batch, task.size("train"))
    sim, evaluator = simulations(config, task.n_inputs, task.n_classes, seed, batch)
    return SequenceTrainer(
        replace(task, encode=Interpolation(config.ticks, config.interpolation)),
        sim,
        evaluator,
        rng=partial(streams.stream, seed),
        learning_rates={name: config.learning_rate / config.dt for name, _ in sim.net.plasticity},
        ticks=config.ticks,
        epochs=config.epochs,
        beta=config.beta,
        schedule=schedule(config),
        staggered=config.staggered,
        balanced_batches=config.balanced,
        transition_steps=config.transition_steps,
    )
