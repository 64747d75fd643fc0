"""Layered networks of prospective neurons: fully connected, or behind convolutions and pooling (LeNet).

A layer is a population and what leads to it. Its name is the key of its random numbers, so that a layer more
leaves the weights of the others as they were.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network

POOL = 2  # width of what is pooled


@dataclass(frozen=True, slots=True)
class Layer:
    """A population of `n` units and the kind of projection that leads to it.

    Attributes
    ----------
    shape : of the weights, (n_pre, n) or (maps, channels, height, width); () where rates are pooled.
    image : (channels, height, width) of the layer before, for convolution and pooling.
    """

    name: str
    n: int
    kind: Literal["input", "dense", "convolution", "pool"]
    activation: str
    shape: tuple[int, ...] = ()
    image: tuple[int, int, int] = (0, 0, 0)

    @property
    def fan_in(self) -> int:
        """Number of inputs of a unit."""
        return int(np.prod(self.shape[1:] if self.kind == "convolution" else self.shape[:1]))


def layers(config: Settings, n_inputs: int, n_outputs: int) -> list[Layer]:
    """Return the layers that a `LatentEquilibrium` scenario asks for, the input first."""
    found = [Layer("image", n_inputs, "input", "linear")]
    channels, side, window = 1, isqrt(n_inputs), config.window
    if config.maps and side * side != n_inputs:
        raise ConfigError(f"maps need square images, {config.task!r} has {n_inputs} inputs")
    for k, maps in enumerate(config.maps, 1):
        image, after = (channels, side, side), side - window + 1
        if after < POOL or after % POOL:
            raise ConfigError(
                f"windows of {window} leave {after} x {after} of {side} x {side}, which cannot be halved"
            )
        shape = maps, channels, window, window
        found.append(Layer(f"maps{k}", maps * after**2, "convolution", config.activation, shape, image))
        channels, side = maps, after // POOL
        found.append(Layer(f"pooled{k}", maps * side**2, "pool", "linear", image=(channels, after, after)))
    for k, n in enumerate((*config.hidden, n_outputs), 1):
        last = k > len(config.hidden)
        name, activation = ("label", "linear") if last else (f"hidden{k}", config.activation)
        found.append(Layer(name, n, "dense", activation, (found[-1].n, n)))
    return found


def time_constants(config: Settings, built: list[Layer], seed: int) -> dict[str, dict[str, Floats]]:
    """Return tau_mem and tau_r of each layer after the input, shape (n,)."""
    found: dict[str, dict[str, Floats]] = {}
    for layer in built[1:]:
        found[layer.name] = {}
        for which in ("tau_mem", "tau_r"):
            factor = 1 + config.tau_spread * streams.stream(seed, which, layer.name).normal(size=layer.n)
            found[layer.name][which] = np.clip(config.tau * factor, max(1.0, config.dt), 1000.0)
        if not config.tau_spread:
            found[layer.name] = {which: np.full(layer.n, config.tau) for which in ("tau_mem", "tau_r")}
        if not config.prospective:
            found[layer.name]["tau_r"] = np.zeros(layer.n)
    return found


def network(
    config: Settings,
    built: list[Layer],
    seed: int,
    taus: dict[str, dict[str, Floats]],
    learning: Literal["weights", "tau_mem", "nothing"] = "weights",
    noise: float | None = None,
) -> "Network":
    """Return the untrained network."""
    from eventsim import Network, models

    net = Network(seed=seed)
    net.add("image", models.RateInput(), built[0].n)
    per_ms = 1 / (config.ticks * config.dt)
    for k, (pre, post) in enumerate(pairwise(built)):
        neuron = models.LatentEquilibrium(
            taus[post.name]["tau_mem"],
            taus[post.name]["tau_r"],
            post.activation,
            errors=config.errors,
            noise=config.noise if noise is None else noise,
        )
        net.add(post.name, neuron, post.n)
        projection = _connect(net, config, pre, post, seed)
        if learning == "weights" and post.kind != "pool":
            factor = config.lr_factors[min(k, len(config.lr_factors) - 1)]
            learning_rate = config.learning_rate * factor * per_ms
            net.add_plasticity(
                projection,
                models.plasticity.ErrorTimesRate(learning_rate=learning_rate, optimiser=config.optimiser),
            )
        elif learning == "tau_mem":
            rule = models.plasticity.TimeConstants(
                learning_rate=config.tau_learning_rate * per_ms, by="match", least=config.dt
            )
            net.add_plasticity(post.name, rule)
    return net


def _connect(net: "Network", config: Settings, pre: Layer, post: Layer, seed: int) -> Any:
    from eventsim import connect

    if post.kind == "pool":
        return net.connect(pre.name, post.name, connect.max_pool(POOL, post.image), tau_syn=config.tau_syn)
    std = config.weight_std or 1 / np.sqrt(post.fan_in)
    rng = streams.stream(seed, "weight", pre.name, post.name)
    weight = rng.normal(0, std, post.shape)
    bias = rng.normal(0, std, post.shape[1] if post.kind == "dense" else post.shape[0])
    options: dict[str, Any] = {"bias": bias if config.weight_std else 0.0, "tau_syn": config.tau_syn}
    if post.kind == "convolution":
        if config.feedback == "random":
            raise ConfigError("random feedback is for fully connected layers; maps must be empty")
        return net.connect(pre.name, post.name, connect.convolution(weight, post.image), **options)
    if config.feedback == "random" and pre.kind != "input":
        back = streams.stream(seed, "feedback", pre.name, post.name).normal(0, std, post.shape[::-1])
        options["feedback"] = back
    return net.connect(pre.name, post.name, weight=weight, **options)
