"""Dropout: in training each value is 0 with probability p, else x / (1 - p).

    y = x m / (1 - p);  dx = dy m / (1 - p)          m a new mask for every sample, step and channel

The mask is a function of one drawn key and of the place of a value, so it is not kept, and threads change
nothing.
"""

from numpy.random import Generator

from eventsim.models.layers.kernels import elementwise as elementwise_loops
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer
from eventsim.parameters import one_number

__all__ = ["Dropout"]


class Dropout(Layer):
    """Drops values in training (Srivastava et al. 2014).

    Parameters
    ----------
    rate : float
        Probability p that a value is dropped, below 1.

    Raises
    ------
    ValueError
        If the rate is out of its range.
    """

    rounded_before = False  # behind it as well as before it

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        if not one_number(rate, "rate", low=0) < 1:
            raise ValueError(f"rate of dropout must be below 1, got {rate!r}")
        self.rate = rate

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return what is left of `x`; see `Layer.forward`.

        Raises
        ------
        ValueError
            If there is no `rng` in training.
        """
        self._tape = None
        x = self._checked(x)
        if not training or self.rate == 0:
            self._tape = (None,)
            return x
        if rng is None:
            raise ValueError("dropout in training needs rng=, a numpy.random.Generator, got None")
        key = int(rng.integers(2**63))
        self._tape = (key,)
        return self._dropped(x, key, "y")

    def _dropped(self, x: Array, key: int, name: str) -> Array:
        y = self._empty(name, x.shape)
        values, out = x.reshape(-1), y.reshape(-1)
        if x.size:
            share(
                lambda _, low, high: elementwise_loops.dropout(
                    values[low:high], low, key, self.rate, out[low:high]
                ),
                borders(x.size),
                self.threads,
            )
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        (key,), dy = self._taken(dy)
        return dy if key is None else self._dropped(dy, key, "dx")
