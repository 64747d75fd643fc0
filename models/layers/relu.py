"""Rectified linear units.

y = max(x, 0);  dx = dy where x > 0, else 0
"""

import numpy as np
from numpy.random import Generator

from eventsim.models.layers.layer import Array, Layer

__all__ = ["ReLU"]


class ReLU(Layer):
    """Rectified linear units; the derivative at 0 is 0, so that a unit at rest is a dead unit."""

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``max(x, 0)``; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", x.shape)
        np.maximum(x, 0, out=y)
        self._tape = y
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        y, dy = self._taken(dy)
        dx = self._empty("dx", y.shape)
        np.multiply(dy, y > 0, out=dx)
        return dx
