"""Normalisation of each step over its channels.

mu = mean_c(x);  var = mean_c((x - mu)^2), biased;  z = (x - mu) / sqrt(var + epsilon);  y = gamma z + beta
d = dy gamma;  dx = (d - mean_c(d) - z mean_c(d z)) / sqrt(var + epsilon);  dgamma = sum dy z;  dbeta = sum dy
"""

import copy
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import norm as norm_loops
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer
from eventsim.parameters import one_number

__all__ = ["LayerNorm"]


class LayerNorm(Layer):
    """Normalises each step of each sample over its channels.

    Parameters
    ----------
    epsilon : float
        Added to the variance.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        super().__init__()
        one_number(epsilon, "epsilon", low=0)
        self.epsilon = epsilon

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make scale and shift; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        self.parameters = {"gamma": np.ones(n_in, self.dtype), "beta": np.zeros(n_in, self.dtype)}
        return n_in

    def rounded(self, plan: Any) -> Layer:
        """Return a copy: scale, shift and statistics stay in full precision."""
        return copy.deepcopy(self)

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return normalised values; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", x.shape)
        rows, out = x.reshape(-1, self.n_in), y.reshape(-1, self.n_in)
        moments = self._empty("moments", (len(rows), 2), np.float64)

        def some(piece: int, low: int, high: int) -> None:
            gamma, beta = self.parameters["gamma"], self.parameters["beta"]
            norm_loops.normalise_rows(
                rows[low:high], self.epsilon, gamma, beta, out[low:high], moments[low:high]
            )

        if x.size:
            share(some, borders(len(rows)), self.threads)
        self._tape = x, moments
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        tape: Any
        tape, dy = self._taken(dy)
        x, moments = tape
        dx = self._empty("dx", x.shape)
        rows, errors, into = (array.reshape(-1, self.n_in) for array in (x, dy, dx))
        cuts = borders(len(rows))
        sums = np.zeros((len(cuts) - 1, 2, self.n_in))

        def some(piece: int, low: int, high: int) -> None:
            gamma, (by_gamma, by_beta) = self.parameters["gamma"], sums[piece]
            norm_loops.rows_back(
                rows[low:high], errors[low:high], gamma, moments[low:high], by_gamma, by_beta, into[low:high]
            )

        if x.size:
            share(some, cuts, self.threads)
        gamma, beta = sums.sum(axis=0).astype(self.dtype)
        self.gradients = {"gamma": gamma, "beta": beta}
        return dx
