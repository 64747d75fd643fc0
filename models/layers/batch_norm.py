"""Normalisation of each channel over batch and time.

Forward, over the n rows (time, batch) that are no padding; var is biased:

    mu = mean(x);  var = mean((x - mu)^2);  r = 1 / sqrt(var + epsilon)
    y = (x - mu) (gamma r) + beta

Backward, with z = (x - mu) r:

    dgamma = sum dy z;  dbeta = sum dy
    dx = gamma r (dy - dbeta / n - z dgamma / n)          gamma r dy where mu and var are frozen

Frozen statistics make a stream possible. `freeze_statistics` takes them from a training set, layer by layer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from eventsim.models.layers.kernels import norm as norm_loops
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer, State
from eventsim.parameters import one_number

__all__ = ["BatchNorm"]

Floats = NDArray[np.float64]


class BatchNorm(Layer):
    """Normalises each channel over batch and time, padding excluded.

    Parameters
    ----------
    epsilon : float
        Added to the variance.
    momentum : float or None
        In training, running averages take so much of each new batch; outside training they are used. With
        None there are none: statistics are those of the batch, also outside training, until they are frozen.

    Attributes
    ----------
    frozen : bool
        Whether mean and variance are those in `buffers`, in training as well.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    rounded_before = False  # a sum, which goes on to a membrane

    def __init__(self, *, epsilon: float = 1e-5, momentum: float | None = 0.1) -> None:
        super().__init__()
        one_number(epsilon, "epsilon", low=0)
        if momentum is not None:
            one_number(momentum, "momentum", low=0, high=1)
        self.epsilon, self.momentum = epsilon, momentum

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make scale, shift and statistics; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        self.parameters = {"gamma": np.ones(n_in, self.dtype), "beta": np.zeros(n_in, self.dtype)}
        self.buffers = {
            "mean": np.zeros(n_in, self.dtype),
            "variance": np.ones(n_in, self.dtype),
            "frozen": np.zeros(1, self.dtype),
        }
        return n_in

    @property
    def frozen(self) -> bool:
        """Whether mean and variance are those in `buffers`."""
        return bool(self.buffers["frozen"][0])

    @frozen.setter
    def frozen(self, frozen: bool) -> None:
        self.buffers["frozen"][0] = frozen

    def freeze(self, mean: Array, variance: Array) -> None:
        """Use this mean and this variance of each channel from now on."""
        self.buffers["mean"][...], self.buffers["variance"][...] = mean, variance
        self.frozen = True

    def rounded(self, plan: Any) -> Layer:
        """Return a copy: scale, shift and statistics stay in full precision."""
        return copy.deepcopy(self)

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return normalised values; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        batch_statistics = not self.frozen and (training or self.momentum is None)
        valid = self._valid(x, lengths) if batch_statistics else None
        if batch_statistics:
            mean, variance, n = self.statistics([(x, lengths)])
            if training and self.momentum is not None and n:
                for name, value in (("mean", mean), ("variance", variance)):
                    kept = self.buffers[name]
                    kept += (self.momentum * (value - kept)).astype(self.dtype)
        else:
            mean, variance, n = self.buffers["mean"], self.buffers["variance"], 0
        root = 1.0 / np.sqrt(np.asarray(variance, np.float64) + self.epsilon)
        mean = np.asarray(mean).astype(self.dtype)
        y = self._empty("y", x.shape)
        scale = (self.parameters["gamma"] * root).astype(self.dtype)
        rows, out, beta = x.reshape(-1, self.n_in), y.reshape(-1, self.n_in), self.parameters["beta"]

        def some(piece: int, low: int, high: int) -> None:
            norm_loops.normalise(rows[low:high], mean, scale, beta, out[low:high])

        if x.size:
            share(some, borders(len(rows)), self.threads)
        self._tape = x, mean, root, valid, n
        return y

    def fixed_scale(self) -> tuple[Array, Array, Array]:
        """Return mean, scale and shift, ``y = (x - mean) scale + shift``, of the statistics in `buffers`."""
        root = 1.0 / np.sqrt(np.asarray(self.buffers["variance"], np.float64) + self.epsilon)
        scale = (self.parameters["gamma"] * root).astype(self.dtype)
        return self.buffers["mean"], scale, self.parameters["beta"]

    @property
    def last_input(self) -> Array:
        """The input of the last forward pass, until its backward pass."""
        if self._tape is None:
            raise RuntimeError("last_input needs a forward pass, and no backward pass after it")
        x: Array = self._tape[0]
        return x

    def _valid(self, x: Array, lengths: Array | None) -> NDArray[np.uint8] | None:
        if lengths is None or (np.asarray(lengths) == len(x)).all():
            return None
        valid: NDArray[np.uint8] = (np.arange(len(x))[:, None] < lengths).ravel().view(np.uint8)
        return valid

    def statistics(self, batches: Iterable[tuple[Array, Array | None]]) -> tuple[Floats, Floats, int]:
        """Return mean and variance of each channel and the number of rows, over inputs and their lengths."""
        n, shift = 0, np.zeros(0, self.dtype)
        first = second = np.zeros(self.n_in)
        for x, lengths in batches:
            rows, valid = x.reshape(-1, self.n_in), self._valid(x, lengths)
            if not len(rows):
                continue
            if not len(shift):
                shift = rows[0].copy()  # near the mean, so that squares lose no digits
            cuts = borders(len(rows))
            sums = np.zeros((len(cuts) - 1, 2, self.n_in))

            def some(
                piece: int,
                low: int,
                high: int,
                rows: Array = rows,
                valid: Any = valid,
                sums: Floats = sums,
                shift: Array = shift,
            ) -> None:
                which = None if valid is None else valid[low:high]
                norm_loops.moments(rows[low:high], which, shift, sums[piece, 0], sums[piece, 1])

            share(some, cuts, self.threads)
            first, second = first + sums[:, 0].sum(axis=0), second + sums[:, 1].sum(axis=0)
            n += len(rows) if valid is None else int(valid.sum())
        if n == 0:
            return np.zeros(self.n_in), np.ones(self.n_in), 0
        return first / n + shift, np.maximum(second / n - (first / n) ** 2, 0.0), n

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        (x, mean, root, valid, n), dy = self._taken(dy)
        dx = self._empty("dx", x.shape)
        rows, errors, into = (array.reshape(-1, self.n_in) for array in (x, dy, dx))
        cuts = borders(len(rows))
        sums = np.zeros((len(cuts) - 1, 2, self.n_in))

        def of(low: int, high: int) -> Any:
            return None if valid is None else valid[low:high]

        def add(piece: int, low: int, high: int) -> None:
            which = of(low, high)
            norm_loops.products(rows[low:high], errors[low:high], which, mean, sums[piece, 0], sums[piece, 1])

        if x.size:
            share(add, cuts, self.threads)
        by_beta, by_gamma = sums[:, 0].sum(axis=0), sums[:, 1].sum(axis=0) * root
        self.gradients = {"gamma": by_gamma.astype(self.dtype), "beta": by_beta.astype(self.dtype)}
        a = self.parameters["gamma"] * root
        per = 1.0 / n if n else 0.0
        factors = (a, -a * root * by_gamma * per, -a * by_beta * per)
        of_dy, of_x, of_one = (each.astype(self.dtype) for each in factors)

        def some(piece: int, low: int, high: int) -> None:
            norm_loops.back(
                rows[low:high], errors[low:high], of(low, high), mean, of_dy, of_x, of_one, into[low:high]
            )

        if x.size:
            share(some, cuts, self.threads)
        return dx

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return one step with the statistics in `buffers`; see `Layer.step`.

        Raises
        ------
        RuntimeError
            If there are no statistics but those of whole batches.
        """
        if not self.frozen and self.momentum is None:
            raise RuntimeError(
                "a stream needs frozen statistics; call freeze_statistics(model, batches) first"
            )
        return self.forward(x_t[None])[0], state
