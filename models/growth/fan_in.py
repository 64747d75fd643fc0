"""Weights into new units: seven initialisations.

    qr_init     columns of Q of a Gaussian matrix = Q R, times the scale
    nullspace   the same, orthogonal to the present fan-in as long as there are directions left
    he_normal   N(0, 2 / n_in);  xavier  N(0, 2 / (n_in + n_out));  random  uniform in +-1 / sqrt(n_in)
    vp_zfo      Gaussian directions with the mean norm of the present fan-in: the variance is preserved
    zero        0: with zero fan-out such units never learn; the control

Names are those of Raghunathan et al. (2026). What stands behind the last two is our reading.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from eventsim.models.layers.layer import Array

__all__ = ["INITS", "Init", "new_fan_in"]

Init = Literal["qr_init", "nullspace", "he_normal", "xavier", "random", "vp_zfo", "zero"]
INITS = get_args(Init)


def new_fan_in(init: Init, weight: Array, n_new: int, n_out: int, scale: float, rng: Generator) -> Array:
    """Return the fan-in of new units, float64, shape (n_in, n_new).

    Parameters
    ----------
    weight : ndarray, shape (n_in, M)
        Fan-in of the present units.
    n_out : int
        Units of the next layer.
    scale : float
        Norm of a column of `qr_init` and `nullspace`.

    Raises
    ------
    ValueError
        If there is no such initialisation.
    """
    n_in = len(weight)
    forms: dict[str, Callable[[], Array]] = {
        "qr_init": lambda: scale * _orthonormal(n_in, n_new, rng),
        "nullspace": lambda: scale * _outside(weight, n_new, rng),
        "he_normal": lambda: rng.normal(0.0, np.sqrt(2.0 / n_in), (n_in, n_new)),
        "xavier": lambda: rng.normal(0.0, np.sqrt(2.0 / (n_in + n_out)), (n_in, n_new)),
        "random": lambda: rng.uniform(-(n_in**-0.5), n_in**-0.5, (n_in, n_new)),
        "vp_zfo": lambda: _same_variance(weight, n_new, rng),
        "zero": lambda: np.zeros((n_in, n_new)),
    }
    if init not in forms:
        raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
    return forms[init]()


def _orthonormal(n_in: int, n_new: int, rng: Generator) -> Array:
    """Return orthonormal columns; in blocks of `n_in` if there are more than that."""
    blocks = []
    for first in range(0, n_new, n_in):
        blocks.append(np.linalg.qr(rng.normal(size=(n_in, min(n_in, n_new - first))))[0])
    return np.concatenate(blocks, axis=1)


def _outside(weight: Array, n_new: int, rng: Generator) -> Array:
    """Return orthonormal columns, orthogonal to those of `weight` while there are directions left."""
    n_in, present = weight.shape
    if present + n_new > n_in:
        return _orthonormal(n_in, n_new, rng)
    both = np.concatenate([weight.astype(np.float64), rng.normal(size=(n_in, n_new))], axis=1)
    # The last columns of Q are orthogonal to the span of the first of `both`.
    result: Array = np.linalg.qr(both)[0][:, present:]
    return result


def _same_variance(weight: Array, n_new: int, rng: Generator) -> Array:
    directions = rng.normal(size=(len(weight), n_new))
    directions /= np.linalg.norm(directions, axis=0)
    norm = float(np.linalg.norm(weight.astype(np.float64), axis=0).mean())
    result: Array = norm * directions
    return result
