"""Time constants of the hidden layers at the start of training: which layer is slow, the spread within it.

    x_i = i / (n - 1)                          i = 0 .. n - 1, hidden layers from the input
    none:    tau_i = tau_mem
    linear:  tau_i from max(tau_mem - delta / 2, 0) to max(tau_mem + delta / 2, 0)
    tanh:    h_i = tanh((x_i - centre) / width)
             r_i = (h_i - min h) / max |h - min h| - 1/2
             tau_i = tau_mem + delta r_i
    alpha = exp(-dt / tau)                     decay of the membrane in one step, see `LIF` of the layers

A positive `delta` is the hierarchy: fast layers first, slow ones after them. A negative one is inverted, and
zero is homogeneous with the same mean. A single hidden layer has tau_mem.
"""

from typing import Literal

import numpy as np
from numpy.random import Generator

from eventsim.trace import Floats

__all__ = ["Hierarchy", "Spread", "drawn", "layer_means"]

Hierarchy = Literal["none", "linear", "tanh"]
Spread = Literal["none", "normal", "uniform"]

SHORTEST, LONGEST = 1e-7, 1e4  # ms, of a drawn time constant


def layer_means(
    hierarchy: Hierarchy,
    n_layers: int,
    tau_mem: float,
    delta: float,
    *,
    width: float = 0.5,
    centre: float = 0.5,
) -> Floats:
    """Return the mean time constant of each hidden layer, shape (n_layers,), in the unit of `tau_mem`.

    Parameters
    ----------
    hierarchy : {"none", "linear", "tanh"}
    n_layers : int
        Hidden layers.
    tau_mem : float
        Mean over the layers.
    delta : float
        The last layer's minus the first one's.
    width, centre : float
        Of the hyperbolic tangent, in units of the depth.

    Raises
    ------
    ValueError
        If a number is out of range, or a layer would have a time constant that is not positive.

    Notes
    -----
    Moro et al. (2024), arXiv 2407.18838.

    >>> layer_means("tanh", 5, 100.0, 150.0).round(3).tolist()
    [25.0, 54.492, 100.0, 145.508, 175.0]
    """
    if hierarchy not in ("none", "linear", "tanh"):
        raise ValueError(f"hierarchy must be 'none', 'linear' or 'tanh', got {hierarchy!r}")
    if n_layers < 1:
        raise ValueError(f"there must be at least one hidden layer, got {n_layers!r}")
    if not width > 0:
        raise ValueError(f"the width of the tanh must be positive, got {width!r}")
    if hierarchy == "none" or n_layers == 1:
        return np.full(n_layers, float(tau_mem))
    depth = np.linspace(0.0, 1.0, n_layers)
    if hierarchy == "linear":
        means = np.linspace(max(tau_mem - delta / 2, 0.0), max(tau_mem + delta / 2, 0.0), n_layers)
    else:
        rising = np.tanh((depth - centre) / width)
        rising -= rising.min()
        means = tau_mem + delta * (rising / np.abs(rising).max() - 0.5)
    if not (means >= 0).all():
        raise ValueError(
            f"delta_tau must be within +-{2 * tau_mem:g}, twice tau_mem, for no layer to have a negative "
            f"time constant, got {delta!r}"
        )
    return np.asarray(means)


def drawn(mean: float, n: int, spread: Spread, relative: float, rng: Generator) -> Floats:
    """Return the time constants of the neurons of a layer, shape (n,), ms.

    Parameters
    ----------
    mean : float
        ms, of the layer.
    n : int
        Neurons.
    spread : {"none", "normal", "uniform"}
        Normal with standard deviation ``relative * mean``, or uniform within ``mean * (1 +- relative)``.
    relative : float
        Width of the spread over the mean.
    rng : Generator

    Notes
    -----
    Values are clipped to 1e-7 to 1e4 ms.
    """
    if spread not in ("none", "normal", "uniform"):
        raise ValueError(f"spread must be 'none', 'normal' or 'uniform', got {spread!r}")
    if spread == "normal":
        values = rng.normal(mean, relative * mean, n)
    elif spread == "uniform":
        values = rng.uniform(mean * (1 - relative), mean * (1 + relative), n)
    else:
        values = np.full(n, mean)
    return np.clip(values, SHORTEST, LONGEST)
