"""The two signals of saturation: effective dimension of a representation, Fisher information of weights.

    ED = #{i : sigma_i(H / sqrt(n)) > epsilon}          H (n, M): activations of n samples, M units
    F_W = (H * H)^T (D * D) / n                         D: d(-ln p(y | x)) / d(output of W), by sample

The first is the count of Maile et al. (2022), whose later code divides by sqrt(M) instead. The second is the
diagonal of the empirical Fisher information. "batch" squares the mean gradient of a batch instead, a common
short cut that is smaller by about the size of the batch.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.models.growth.network import linear_places
from eventsim.models.layers.layer import Array
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.sequential import Sequential
from eventsim.models.training.losses.sequences import SequenceCrossEntropy

__all__ = ["Activity", "activity", "effective_dimension", "fisher_diagonal", "percentile"]

Scale = Literal["samples", "units"]
Gradients = Literal["sample", "batch"]
Entries = Literal["all", "active"]
BLOCK = 2048  # samples at once


def effective_dimension(h: Array, epsilon: float = 0.05, scale: Scale = "samples") -> int:
    """Return how many singular values of activations are larger than `epsilon`.

    Parameters
    ----------
    h : ndarray, shape (n_samples, n_units)
    epsilon : float
        Bound, strict.
    scale : {"samples", "units"}
        Whether `h` is divided by the root of the number of samples, or of units.

    Raises
    ------
    ValueError
        If there are fewer samples than units: so few cannot show the dimension.
    """
    n, units = h.shape
    if n < units:
        raise ValueError(
            f"a probe of {n} samples cannot show the effective dimension of {units} units; "
            f"take at least {units} samples"
        )
    divisor = np.sqrt(n if scale == "samples" else units)
    return int((np.linalg.svd(h.astype(np.float64) / divisor, compute_uv=False) > epsilon).sum())


@dataclass(frozen=True, slots=True)
class Activity:
    """How the hidden layers answer to a probe.

    Attributes
    ----------
    dimension : effective dimension by hidden layer.
    dead : units by hidden layer that answer to no sample.
    outputs : what comes out of the network, shape (n_samples, n_out).
    """

    dimension: tuple[int, ...]
    dead: tuple[int, ...]
    outputs: Array


def activity(model: Sequential, x: Array, epsilon: float, scale: Scale) -> Activity:
    """Return how a network answers to a probe, shape (1, n_samples, n_in)."""
    y = model.forward(x, training=True)[0].copy()
    hidden = [model.outputs[place - 1][0] for place in linear_places(model)[1:]]
    found = Activity(
        tuple(effective_dimension(h, epsilon, scale) for h in hidden),
        tuple(int((~h.any(axis=0)).sum()) for h in hidden),
        y,
    )
    model.forget()
    return found


def fisher_diagonal(
    model: Sequential, x: Array, labels: NDArray[Any], gradients: Gradients = "sample", batch: int = 256
) -> dict[str, NDArray[np.float64]]:
    """Return the diagonal of the empirical Fisher information by parameter.

    Parameters
    ----------
    x : ndarray, shape (1, n_samples, n_in)
    labels : ndarray of int, shape (n_samples,)
    gradients : {"sample", "batch"}
        What is squared: the gradient of each sample, or the mean over a batch.
    batch : int
        Samples of such a batch.
    """
    n = x.shape[1]
    if n == 0:
        raise ValueError("the Fisher information needs at least one sample, got none")
    step = batch if gradients == "batch" else BLOCK
    total = {name: np.zeros(array.shape) for name, array in model.parameters.items()}
    for low in range(0, n, step):
        _add(model, x[:, low : low + step], labels[low : low + step], gradients, total)
    return {name: each / n for name, each in total.items()}


def _add(
    model: Sequential,
    x: Array,
    labels: NDArray[Any],
    gradients: Gradients,
    total: dict[str, NDArray[np.float64]],
) -> None:
    """Add the squares of some samples, each batch with the weight of its samples."""
    y = model.forward(x, training=True)
    errors: Any = SequenceCrossEntropy()(y, labels)[1]
    inputs, n = [x, *model.outputs], x.shape[1]
    for place in reversed(range(len(model.layers))):
        layer = model.layers[place]
        if isinstance(layer, Linear):
            h, delta = inputs[place][0], errors[0]
            if gradients == "sample":
                total[f"weight/{place}"] += (h * h).T @ (delta * delta)
            else:
                total[f"weight/{place}"] += n * ((h.T @ delta) / n) ** 2
            errors = (delta @ layer.parameters["weight"].T)[None]
        else:
            errors = layer.backward(errors)
    model.forget()


def percentile(fisher: Array, p: float, entries: Entries = "all") -> tuple[float, float]:
    """Return the p-th percentile of entries of a Fisher diagonal, and the share of zeros among all of them.

    "active" leaves out inputs and units without any information: pixels that are never white, dead units, and
    units whose fan-out is still 0. With "all" the percentile is 0 once such entries are more than p percent.
    """
    zeros = float((fisher == 0).mean())
    if entries == "active":
        some = fisher > 0
        fisher = fisher[np.ix_(some.any(axis=1), some.any(axis=0))]
        if not fisher.size:
            return 0.0, zeros
    return float(np.percentile(fisher, p)), zeros
