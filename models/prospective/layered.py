"""Layered networks of prospective neurons: fully connected, or behind convolutions and pooling (LeNet).

A layer is a population and the projection that leads to it. Its name is the key of its random numbers, so
that one layer more leaves the weights of the others as they were. What learns is added by the caller:

    layers = layered.layers(784, 10, hidden=(300, 100))
    net = layered.network(layers, layered.time_constants(layers, tau=20.0))
    for layer, projection in layered.weighted(layers, net):
        net.add_plasticity(projection, ErrorTimesRate(learning_rate=0.1))
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim import connect
from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.inputs.rates import RateInput
from eventsim.models.prospective.latent_equilibrium import LatentEquilibrium
from eventsim.network import Network, Projection

__all__ = ["Layer", "layers", "network", "time_constants", "weighted"]

Floats = NDArray[np.float64]
TimeConstants = dict[str, dict[str, Floats]]  # "tau_mem" and "tau_r" by layer, shape (n,)

POOL = 2  # width of what is pooled
LEAST_TAU, MOST_TAU = 1.0, 1000.0  # between which drawn time constants stay


@dataclass(frozen=True, slots=True)
class Layer:
    """A population of `n` units and the kind of projection that leads to it.

    Attributes
    ----------
    name, n : of the population.
    kind : of the projection.
    activation : of the neurons.
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


def layers(
    n_inputs: int,
    n_outputs: int,
    hidden: Sequence[int],
    *,
    maps: Sequence[int] = (),
    window: int = 5,
    activation: str = "hard_sigmoid",
    channels: int = 1,
) -> list[Layer]:
    """Return the layers of a network, the input first; outputs are linear.

    Parameters
    ----------
    n_inputs, n_outputs : int
    hidden : sequence of int
        Neurons of the fully connected hidden layers.
    maps : sequence of int
        Output channels of convolutions before them; 2 x 2 rates are pooled after each.
    window : int
        Width and height of the convolutions.
    activation : str
        Of hidden neurons.
    channels : int
        Of the input, 3 for colours.

    Raises
    ------
    ConfigError
        If images are not square, or the size after a convolution cannot be halved.
    """
    stack = [Layer("image", n_inputs, "input", "linear")]
    side = isqrt(n_inputs // channels)
    if maps and channels * side * side != n_inputs:
        of_channels = f" of {channels} channels" if channels > 1 else ""
        raise ConfigError(f"maps need square images{of_channels}, got {n_inputs} inputs")
    for k, n_maps in enumerate(maps, 1):
        image, after = (channels, side, side), side - window + 1
        if after < POOL or after % POOL:
            raise ConfigError(
                f"windows of {window} leave {after} x {after} of {side} x {side}, which cannot be halved"
            )
        shape = n_maps, channels, window, window
        stack.append(Layer(f"maps{k}", n_maps * after**2, "convolution", activation, shape, image))
        channels, side = n_maps, after // POOL
        pooled = channels, after, after
        stack.append(Layer(f"pooled{k}", channels * side**2, "pool", "linear", image=pooled))
    for k, n in enumerate((*hidden, n_outputs), 1):
        name, phi = ("label", "linear") if k > len(hidden) else (f"hidden{k}", activation)
        stack.append(Layer(name, n, "dense", phi, (stack[-1].n, n)))
    return stack


def time_constants(
    stack: Sequence[Layer],
    tau: float,
    *,
    spread: float = 0.0,
    least: float = LEAST_TAU,
    prospective: bool = True,
    seed: int = 0,
) -> TimeConstants:
    """Return tau_mem and tau_r of each layer after the input, shape (n,).

    Parameters
    ----------
    stack : sequence of Layer
    tau : float
        Mean of both.
    spread : float
        Relative deviation of each, drawn for each neuron.
    least : float
        Smallest time constant that is drawn, at least 1.
    prospective : bool
        Whether rates look ahead; tau_r is 0 otherwise.
    seed : int
    """
    taus: TimeConstants = {}
    for layer in stack[1:]:
        taus[layer.name] = {which: np.full(layer.n, tau) for which in ("tau_mem", "tau_r")}
        if spread:
            for which in ("tau_mem", "tau_r"):
                factor = 1 + spread * streams.stream(seed, which, layer.name).normal(size=layer.n)
                taus[layer.name][which] = np.clip(tau * factor, max(LEAST_TAU, least), MOST_TAU)
        if not prospective:
            taus[layer.name]["tau_r"] = np.zeros(layer.n)
    return taus


def network(
    stack: Sequence[Layer],
    taus: Mapping[str, Mapping[str, Floats]],
    *,
    errors: Literal["instant", "prospective"] = "instant",
    noise: float = 0.0,
    tau_syn: float = 0.0,
    weight_std: float = 0.0,
    feedback: Literal["transposed", "random"] = "transposed",
    seed: int = 0,
) -> Network:
    """Return an untrained network in which nothing learns yet.

    Parameters
    ----------
    stack : sequence of Layer
    taus : mapping of str to mapping of str to ndarray
        As `time_constants` returns them.
    errors, noise : as of `LatentEquilibrium`.
    tau_syn : float
        Filter of rates and errors between layers; 0 for none.
    weight_std : float
        Standard deviation of weights and biases; 0 for weights of 1 / sqrt(inputs) and no bias.
    feedback : {"transposed", "random"}
        Weights that errors go back through: those of the forward direction, or fixed ones of their own.
    seed : int

    Raises
    ------
    ConfigError
        If feedback is random where a layer is a convolution.
    """
    net = Network(seed=seed)
    net.add(stack[0].name, RateInput(), stack[0].n)
    for pre, post in pairwise(stack):
        tau = taus[post.name]
        neuron = LatentEquilibrium(tau["tau_mem"], tau["tau_r"], post.activation, errors=errors, noise=noise)
        net.add(post.name, neuron, post.n)
        if post.kind == "pool":
            net.connect(pre.name, post.name, connect.max_pool(POOL, post.image), tau_syn=tau_syn)
            continue
        std = weight_std or 1 / np.sqrt(post.fan_in)
        rng = streams.stream(seed, "weight", pre.name, post.name)
        weight = rng.normal(0, std, post.shape)
        bias = rng.normal(0, std, post.shape[1] if post.kind == "dense" else post.shape[0])
        options: dict[str, Any] = {"bias": bias if weight_std else 0.0, "tau_syn": tau_syn}
        if post.kind == "convolution":
            if feedback == "random":
                raise ConfigError("random feedback is for fully connected layers; maps must be empty")
            net.connect(pre.name, post.name, connect.convolution(weight, post.image), **options)
            continue
        if feedback == "random" and pre.kind != "input":
            back = streams.stream(seed, "feedback", pre.name, post.name)
            options["feedback"] = back.normal(0, std, post.shape[::-1])
        net.connect(pre.name, post.name, weight=weight, **options)
    return net


def weighted(stack: Sequence[Layer], net: Network) -> Iterator[tuple[Layer, Projection]]:
    """Yield each layer that has weights, with the projection that leads to it."""
    for layer, projection in zip(stack[1:], net.projections, strict=True):
        if layer.shape:
            yield layer, projection
