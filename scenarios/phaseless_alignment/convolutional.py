"""The rate version behind convolutions and pooling (LeNet), with feedback of its own at every layer.

Errors go back through kernels of their own, from which pooling leads them to the largest rates. A pooled
population is one of linear cells, so that noise enters its rates, and errors wait a tick at it too.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from eventsim import connect, models
from eventsim import rng as streams
from eventsim.models.prospective import layered
from eventsim.models.prospective.layered import Layer
from eventsim.models.training.task import Task
from eventsim.scenarios.phaseless_alignment import rate_networks
from eventsim.scenarios.phaseless_alignment.settings import Settings

if TYPE_CHECKING:
    from eventsim import Network

COLOURS = 3


def stack(config: Settings, task: Task) -> list[Layer]:
    """Return the layers of the network, the input first."""
    return layered.layers(
        task.n_inputs,
        task.n_classes,
        config.hidden,
        maps=config.maps,
        activation=config.activation,
        channels=COLOURS if task.name in ("cifar-10", "colours") else 1,
    )


def network(config: Settings, layers: list[Layer], seed: int, *, learning: bool = True) -> "Network":
    """Return the network, with plasticity or without."""
    from eventsim import Network

    net, std, direct = Network(seed=seed), config.weight_std, config.algorithm == "dfa"
    feedback_std = config.feedback_std or std
    net.add(layers[0].name, models.RateInput(), layers[0].n)
    k = 0  # of layers with weights
    for pre, post in pairwise(layers):
        neuron = models.LatentEquilibrium(config.tau, activation=post.activation, gamma=0.0)
        net.add(post.name, neuron, post.n)
        if post.kind == "pool":
            net.connect(pre.name, post.name, connect.max_pool(layered.POOL, post.image), feedback=not direct)
            continue
        convolves = post.kind == "convolution"
        weight = streams.stream(seed, "weight", pre.name).normal(0, std, post.shape)
        bias = streams.stream(seed, "bias", pre.name).normal(0, std, post.shape[0 if convolves else 1])
        feedback: Any = not direct
        if k and config.algorithm not in ("bp", "dfa"):
            shape = post.shape if convolves else post.shape[::-1]
            feedback = streams.stream(seed, "feedback", pre.name).normal(0, feedback_std, shape)
        rule = connect.convolution(weight, post.image) if convolves else weight
        projection = net.connect(pre.name, post.name, rule, bias=bias, feedback=feedback)
        if learning:
            rate_networks.add_rules(net, config, projection.name, k)
        k += 1
    if direct:
        for layer in layers[1:-1]:
            if layer.shape:
                shape = layers[-1].n, layer.n
                way = streams.stream(seed, "feedback", layer.name).normal(0, feedback_std, shape)
                net.connect(
                    "label", layer.name, weight=way, variable="error", receptor="error", feedback=False
                )
    return net


class ConvolutionalLearner(rate_networks.RateLearner):
    """A network of maps and rates that learns from batches of images."""

    def __init__(self, config: Settings, task: Task, seed: int, ticks: int) -> None:
        self.stack = stack(config, task)
        self.layers = [layer.name for layer in self.stack]
        self.weighted = [(pre.name, post.name) for pre, post in pairwise(self.stack) if post.shape]
        super().__init__(config, task, tuple(layer.n for layer in self.stack), seed, ticks)

    def built(self, *, learning: bool) -> "Network":
        """Return the network, with plasticity or without."""
        return network(self.config, self.stack, self.seed, learning=learning)
