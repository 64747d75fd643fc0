"""The gated linear unit: half of the channels open or close the other half.

x = (p, q);  y = p sigmoid(q)
dp = dy sigmoid(q);  dq = dy p sigmoid(q) (1 - sigmoid(q))
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import elementwise as elementwise_loops
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer

__all__ = ["GLU"]


class GLU(Layer):
    """Gated linear units (Dauphin et al. 2017): 2 n channels become n."""

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Halve the channels; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        if n_in % 2:
            raise ValueError(f"GLU needs an even number of channels, got {n_in}")
        self.n_out = n_in // 2
        return self.n_out

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``p sigmoid(q)``; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", (*x.shape[:2], self.n_out))
        rows, out = x.reshape(-1, self.n_in), y.reshape(-1, self.n_out)
        if x.size:
            share(
                lambda _, low, high: elementwise_loops.glu(rows[low:high], out[low:high]),
                borders(len(rows)),
                self.threads,
            )
        self._tape = x
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        x, dy = self._taken(dy)
        dx = self._empty("dx", x.shape)
        rows, errors, into = x.reshape(-1, self.n_in), dy.reshape(-1, self.n_out), dx.reshape(-1, self.n_in)
        if x.size:
            share(
                lambda _, low, high: elementwise_loops.glu_back(
                    rows[low:high], errors[low:high], into[low:high]
                ),
                borders(len(rows)),
                self.threads,
            )
        return dx
