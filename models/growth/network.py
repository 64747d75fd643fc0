"""A perceptron without biases whose hidden layers can grow, and the insertion of units into it.

    784 - M_1 - ... - n_out          parameters: sum over layers of n_l n_(l+1)

New fan-out weights are 0, so an insertion leaves the function of the network as it was.
"""

import itertools
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.gelu import GELU
from eventsim.models.layers.layer import Array
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.relu import ReLU
from eventsim.models.layers.sequential import Sequential

__all__ = ["insert_units", "linear_places", "n_parameters", "perceptron", "resize", "widths"]


Activation = Literal["relu", "gelu"]
FirstWeights = Literal["he_normal", "lecun_normal", "xavier"]


def perceptron(
    n_in: int,
    hidden: Sequence[int],
    n_out: int,
    rng: Generator,
    dtype: DTypeLike = np.float32,
    activation: Activation = "relu",
    first_weights: FirstWeights = "he_normal",
) -> Sequential:
    """Return linear maps with units between them.

    Parameters
    ----------
    activation : {"relu", "gelu"}
        Of the hidden units.
    first_weights : {"he_normal", "lecun_normal", "xavier"}
        Normal, with the variance 2 / n_in, 1 / n_in or 2 / (n_in + n_out) of each map.

    Raises
    ------
    ValueError
        If there is no such activation, or no such rule for the first weights.
    """
    if activation not in get_args(Activation):
        raise ValueError(f"activation must be 'relu' or 'gelu', got {activation!r}")
    if first_weights not in get_args(FirstWeights):
        raise ValueError(
            f"first_weights must be 'he_normal', 'lecun_normal' or 'xavier', got {first_weights!r}"
        )
    unit = ReLU if activation == "relu" else GELU
    layers = [layer for n in hidden for layer in (Linear(n, bias=False), unit())]
    model = Sequential([*layers, Linear(n_out, bias=False)])
    model.build(n_in, rng, dtype)
    for place in linear_places(model):
        weight = model.layers[place].parameters["weight"]
        before, after = weight.shape
        variance = {
            "he_normal": 2.0 / before,
            "lecun_normal": 1.0 / before,
            "xavier": 2.0 / (before + after),
        }[first_weights]
        weight[...] = rng.normal(0.0, np.sqrt(variance), weight.shape)
    return model


def linear_places(model: Sequential) -> list[int]:
    """Return the places of the linear maps."""
    return [place for place, layer in enumerate(model.layers) if isinstance(layer, Linear)]


def widths(model: Sequential) -> tuple[int, ...]:
    """Return how many units each hidden layer has."""
    return tuple(model.layers[place].n_out for place in linear_places(model)[:-1])


def n_parameters(model: Sequential) -> int:
    """Return how many numbers are trained."""
    return sum(array.size for array in model.parameters.values())


def insert_units(model: Sequential, hidden: int, fan_in: Array) -> tuple[str, str]:
    """Add units with zero fan-out at the end of a hidden layer.

    Parameters
    ----------
    hidden : int
        The hidden layer, counted from 0.
    fan_in : ndarray, shape (n_before, n_new)
        Weights into the new units.

    Returns
    -------
    (str, str)
        Names of the parameters that have new columns, and new rows.

    Raises
    ------
    ValueError
        If `fan_in` has another number of rows than the layer has inputs.
    """
    places = linear_places(model)
    into, out = model.layers[places[hidden]], model.layers[places[hidden + 1]]
    assert isinstance(into, Linear)
    if fan_in.ndim != 2 or len(fan_in) != into.n_in:
        raise ValueError(f"fan_in must have shape ({into.n_in}, n_new), got {fan_in.shape}")
    n_new = fan_in.shape[1]
    columns = np.concatenate([into.parameters["weight"], fan_in.astype(into.dtype)], axis=1)
    rows = np.concatenate(
        [out.parameters["weight"], np.zeros((n_new, out.n_out), out.dtype)],
    )
    into.parameters["weight"], out.parameters["weight"] = np.ascontiguousarray(columns), rows
    _follow(model)
    return f"weight/{places[hidden]}", f"weight/{places[hidden + 1]}"


def resize(model: Sequential, hidden: Sequence[int]) -> None:
    """Give hidden layers other widths; the weights are undefined until a state is loaded.

    Raises
    ------
    ValueError
        If there is another number of hidden layers.
    """
    if len(hidden) != len(widths(model)):
        raise ValueError(f"expected the widths of {len(widths(model))} hidden layers, got {len(hidden)}")
    if tuple(hidden) == widths(model):
        return
    sizes = [model.n_in, *hidden, model.n_out]
    for place, shape in zip(linear_places(model), itertools.pairwise(sizes), strict=True):
        model.layers[place].parameters["weight"] = np.zeros(shape, model.dtype)
    _follow(model)


def _follow(model: Sequential) -> None:
    """Bring numbers of channels in line with the weights."""
    n = model.n_in
    for layer in model.layers:
        layer.n_in = layer.n_out = n
        if isinstance(layer, Linear):
            n = layer.n_to = layer.n_out = layer.parameters["weight"].shape[1]
    model.adopt()
