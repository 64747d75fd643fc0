"""Networks of Latent Equilibrium, and the trainer of those that classify."""

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.prospective import layered
from eventsim.models.prospective.layered import Layer, TimeConstants
from eventsim.models.training.task import Task
from eventsim.scenarios.latent_equilibrium.settings import Settings

if TYPE_CHECKING:
    from eventsim import Network, Simulation
    from eventsim.models.training.static_trainer import StaticTrainer


def layers(config: Settings, n_inputs: int, n_outputs: int) -> list[Layer]:
    """Return the layers of the network, the input first."""
    return layered.layers(
        n_inputs,
        n_outputs,
        config.hidden,
        maps=config.maps,
        window=config.window,
        activation=config.activation,
    )


def time_constants(config: Settings, stack: list[Layer], seed: int) -> TimeConstants:
    """Return tau_mem and tau_r of each layer, shape (n,)."""
    return layered.time_constants(
        stack,
        config.tau,
        spread=config.tau_spread,
        least=config.dt,
        prospective=config.prospective,
        seed=seed,
    )


def network(
    config: Settings, stack: list[Layer], seed: int, taus: TimeConstants, noise: float | None = None
) -> "Network":
    """Return the untrained network, in which nothing learns yet."""
    return layered.network(
        stack,
        taus,
        errors=config.errors,
        noise=config.noise if noise is None else noise,
        tau_syn=config.tau_syn,
        weight_std=config.weight_std,
        feedback=config.feedback,
        seed=seed,
    )


def trainer(config: Settings, task: Task, seed: int, taus: TimeConstants) -> "StaticTrainer":
    """Return the trainer of the network of a seed."""
    from eventsim import Simulation, models
    from eventsim.models.training.schedules import CosineDecay
    from eventsim.models.training.static_trainer import StaticTrainer

    stack = layers(config, task.n_inputs, task.n_classes)
    delay = len(stack) - 1 if config.delayed_targets else 0
    if delay >= config.ticks:
        raise ConfigError(
            f"delayed targets come after {delay} ticks here; ticks must be more, got {config.ticks}"
        )
    if config.readout_steps > config.ticks:
        raise ConfigError(f"readout_steps must be at most ticks, {config.ticks}, got {config.readout_steps}")
    net, learning_rates = network(config, stack, seed, taus), {}
    for k, (layer, projection) in enumerate(zip(stack[1:], net.projections, strict=True)):
        if layer.shape:
            factor = config.lr_factors[min(k, len(config.lr_factors) - 1)]
            learning_rate = config.learning_rate * factor * _per_ms(config)
            rule = models.plasticity.ErrorTimesRate(learning_rate, optimiser=config.optimiser)
            net.add_plasticity(projection, rule)
            learning_rates[projection.name] = learning_rate
    batch = min(config.batch, task.size("train"))
    sim = Simulation(net, dt=config.dt, batch=batch, dtype=config.precision)

    def evaluator(batch: int) -> "Simulation":
        """Return a simulation with the present weights that does not learn."""
        untrained = network(config, stack, seed, taus)
        present = Simulation(untrained, dt=config.dt, batch=batch, dtype=config.precision)
        for _, projection in layered.weighted(stack, untrained):
            name = projection.name
            present.set_weights(name, sim.weights(name), sim.bias(name))
        return present

    remembers = config.tau_spread > 0 or not config.prospective
    return StaticTrainer(
        task,
        sim,
        evaluator,
        rng=partial(streams.stream, seed),
        ticks=config.ticks,
        epochs=config.epochs,
        beta=config.beta,
        learning_rates=learning_rates,
        schedule=CosineDecay(max(config.epochs, 1)) if config.lr_schedule == "cosine" else None,
        target_delay=delay,
        readout_steps=config.readout_steps,
        tau_target=config.tau_syn * (len(stack) - 1),
        warm_up=ceil(config.tau / (config.ticks * config.dt)) if remembers else 0,
    )


def _per_ms(config: Settings) -> float:
    """Return what turns a rate of a presentation into one of a millisecond."""
    return 1 / (config.ticks * config.dt)


def signal_simulation(config: Settings, seed: int) -> "Simulation":
    """Return the simulation that learns a signal while it hears others."""
    from eventsim import Simulation, models

    stack = layers(config, 50, 1)
    net = network(config, stack, seed, time_constants(config, stack, seed))
    for projection in net.projections:
        net.add_plasticity(projection, models.plasticity.ErrorTimesRate(config.learning_rate))
    return Simulation(net, dt=config.dt, dtype=config.precision)


def matching_simulation(
    config: Settings, stack: list[Layer], seed: int, taus: TimeConstants, batch: int
) -> "Simulation":
    """Return the simulation in which tau_mem learns to match tau_r."""
    from eventsim import Simulation, models

    net = network(config, stack, seed, taus, noise=0.0)
    rule = models.plasticity.TimeConstants(
        config.tau_learning_rate * _per_ms(config), by="match", least=config.dt
    )
    for layer in stack[1:]:
        net.add_plasticity(layer.name, rule)
    return Simulation(net, dt=config.dt, batch=batch, dtype=config.precision)
