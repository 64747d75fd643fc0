"""The network: hidden layers of a product or convolution, normalisation, spiking neurons, dropout; outputs.

    Z = s W              or Z[t] = sum_k s[t - (K - 1 - k) d] W[k]
    I = gamma (Z - mean) / sqrt(variance + 1e-5) + beta        over batch and time, in every layer
    hidden:  V[t] = alpha V[t-1] + I[t] - s[t-1],  s[t] = V[t] > 1
    outputs: U[t] = alpha_out U[t-1] + (1 - alpha_out) I[t]

Statistics are those of the batch, in evaluation as well, as in the authors' code; `freeze` keeps those of
the training set, with which the network can run as a stream. Arrays have the name of their kind and their
projection or layer: "weight/input->hidden1", "gamma/hidden1", "beta/hidden1", "decay/hidden1".
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers import (
    LIF,
    BatchNorm,
    Dropout,
    Layer,
    LeakyReadout,
    Linear,
    Sequential,
    TemporalConv,
    freeze_statistics,
)
from eventsim.models.training.batches import Streams
from eventsim.scenarios.temporal_hierarchy import time_constants
from eventsim.scenarios.temporal_hierarchy.settings import Settings
from eventsim.trace import Floats

__all__ = ["HierarchicalNetwork", "kernels", "weight_range"]

Array = NDArray[Any]
PUBLISHED_FAN_IN = (700, 128, 128, 128)  # the default sizes that the authors' ranges are of
EPSILON = 1e-5  # of the normalisation


def weight_range(settings: Settings, n_inputs: int, layer: int) -> float:
    """Return within which the weights into a layer begin; layers count from 0, and the outputs are the last.

    The published ranges are those of the authors' default sizes, whatever the sizes of the network: four
    layers have one each, other networks their mean in all layers.
    """
    if settings.weight_range == "fan-in":
        limit = float((settings.n_hidden if layer else n_inputs) ** -0.5)
    else:
        ranges = np.array(PUBLISHED_FAN_IN) ** -0.5
        limit = float(ranges[layer] if settings.n_layers + 1 == len(ranges) else ranges.mean())
    kernel = kernels(settings)[0][layer] if layer < settings.n_layers else 1
    return limit if kernel == 1 else limit / (0.5 * float(kernel**0.5))


def kernels(settings: Settings) -> tuple[list[int], list[int]]:
    """Return kernel and dilation of each hidden layer.

    Kernels go in a line from K - delta / 2 to K + delta / 2, at least 1, cut to whole numbers; dilations from
    d - delta / 2 to d + delta / 2 likewise.

    Raises
    ------
    ValueError
        If a dilation would be 0.
    """
    n = settings.n_layers
    if n == 1:
        return [settings.kernel], [settings.dilation]
    first, last = (max(1, int(settings.kernel + sign * settings.delta_kernel / 2)) for sign in (-1, 1))
    sizes = [int(size) for size in np.linspace(first, last, n)]
    dilations = [
        int(max(0.0, settings.dilation + (layer - (n - 1) / 2) * settings.delta_dilation / (n - 1)))
        for layer in range(n)
    ]
    if min(dilations) < 1:
        raise ValueError(
            f"delta_dilation must be within +-{2 * (settings.dilation - 1)} for all dilations to be at least "
            f"1, got {settings.delta_dilation}"
        )
    return sizes, dilations


class HierarchicalNetwork:
    """The network of a seed.

    Parameters
    ----------
    settings : Settings
    n_inputs, n_classes : int
    rng : callable
        Streams of random numbers of the seed.
    threads : int
        Threads that share a batch. Results do not depend on it.

    Attributes
    ----------
    names : list of str
        Of the hidden layers, from the input.
    layers : Sequential
    products, norms, neurons : lists of layers
        Weights and normalisations of all layers, and the neurons of hidden layers, from the input.
    """

    def __init__(
        self, settings: Settings, n_inputs: int, n_classes: int, rng: Streams, threads: int = 1
    ) -> None:
        self.settings = settings
        self.names = [f"hidden{k + 1}" for k in range(settings.n_layers)]
        self.layers = Sequential(self._made(n_inputs, n_classes, rng), threads=threads)
        self.layers.build(n_inputs, rng("weight"), settings.precision)
        parts = self.layers.layers
        self.products = [layer for layer in parts if isinstance(layer, Linear | TemporalConv)]
        self.norms = [layer for layer in parts if isinstance(layer, BatchNorm)]
        self.neurons = [layer for layer in parts if isinstance(layer, LIF)]

    def _made(self, n_inputs: int, n_classes: int, rng: Streams) -> list[Layer]:
        """Return all layers, before they have arrays."""
        settings = self.settings
        means = time_constants.layer_means(
            settings.hierarchy,
            settings.n_layers,
            settings.tau_mem,
            settings.delta_tau,
            width=settings.tanh_width,
            centre=settings.tanh_centre,
        )
        layers: list[Layer] = []
        for k, (mean, kernel, dilation) in enumerate(zip(means, *kernels(settings), strict=True)):
            limit = weight_range(settings, n_inputs, k)
            tau = time_constants.drawn(
                mean, settings.n_hidden, settings.spread, settings.spread_width, rng("tau", k)
            )
            neurons = LIF(
                tau,
                dt=settings.step,
                train_alpha=settings.train_tau,
                surrogate=settings.surrogate.replace("-", "_"),  # type: ignore[arg-type]
            )
            product: Layer
            if kernel == 1:
                product = Linear(settings.n_hidden, bias=False, weight_range=limit)
            else:
                product = TemporalConv(
                    settings.n_hidden, kernel, dilation=dilation, bias=False, weight_range=limit
                )
            layers += [product, normalisation(), neurons]
            if settings.dropout:
                layers.append(Dropout(settings.dropout))
        limit = weight_range(settings, n_inputs, settings.n_layers)
        layers += [Linear(n_classes, bias=False, weight_range=limit), normalisation()]
        return [*layers, LeakyReadout(settings.tau_out, dt=settings.step)]

    def arrays(self, which: Literal["parameters", "gradients"] = "parameters") -> dict[str, Array]:
        """Return all parameters, or their gradients, by the names of projections and layers."""
        named: dict[str, Array] = {}
        for k, (pre, post) in enumerate(pairwise(["input", *self.names, "label"])):
            named[f"weight/{pre}->{post}"] = getattr(self.products[k], which)["weight"]
            for name, array in getattr(self.norms[k], which).items():
                named[f"{name}/{post}"] = array
            if k < len(self.neurons) and self.settings.train_tau:
                named[f"decay/{post}"] = getattr(self.neurons[k], which)["alpha"]
        return named

    def use_frozen(self, frozen: bool) -> None:
        """Choose between the statistics that `freeze` has kept and those of the batch."""
        for norm in self.norms:
            norm.frozen = frozen

    def freeze(self, batches: Callable[[], Iterable[Array]]) -> None:
        """Keep the statistics of a whole set for every normalisation, layer by layer, without dropout.

        Parameters
        ----------
        batches : callable
            Returns the inputs of the set (time, batch, channel), batch by batch; called once for each layer.
        """
        freeze_statistics(self.layers, lambda: ((x, None) for x in batches()))
        self.use_frozen(False)

    def time_constants(self) -> list[Floats]:
        """Return the time constants of each hidden layer as the forward pass uses them, ms."""
        return [neurons.time_constants for neurons in self.neurons]

    @property
    def n_parameters(self) -> int:
        """Numbers that are trained."""
        return sum(array.size for array in self.layers.parameters.values())


def normalisation() -> BatchNorm:
    """Return a normalisation by the statistics of the batch, in evaluation as well."""
    return BatchNorm(epsilon=EPSILON, momentum=None)
