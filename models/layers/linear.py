"""A linear map of the channels of each step.

    y[t] = x[t] W (+ b)                          W (n_in, n_out)
    dW = sum_t x[t]^T dy[t];  db = sum_t dy[t];  dx[t] = dy[t] W^T

In training the products are those of BLAS. Otherwise each sum runs in one order, so that a stream and a batch
of any size give the same bits.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import products
from eventsim.models.layers.kernels.blas import one_blas_thread
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer
from eventsim.parameters import one_number

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["Linear"]


class Linear(Layer):
    """A linear map of the channels of each step.

    Parameters
    ----------
    n_out : int
        Channels that come out.
    bias : bool
        Whether something is added to each of them.
    weight_range : float, optional
        Weights and bias start uniform in plus and minus this; 1 / sqrt(n_in) unless given.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(self, n_out: int, *, bias: bool = True, weight_range: float | None = None) -> None:
        super().__init__()
        if n_out < 1:
            raise ValueError(f"n_out must be at least 1, got {n_out!r}")
        if weight_range is not None:
            one_number(weight_range, "weight_range", low=0)
        self.n_to, self.bias, self.weight_range = n_out, bias, weight_range

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw the weights; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        self.n_out = self.n_to
        limit = n_in**-0.5 if self.weight_range is None else self.weight_range
        weight = rng.uniform(-limit, limit, (n_in, self.n_out))
        self.parameters = {"weight": weight.astype(self.dtype)}
        if self.bias:
            self.parameters["bias"] = rng.uniform(-limit, limit, self.n_out).astype(self.dtype)
        return self.n_out

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``x W + b`` of all steps; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", (*x.shape[:2], self.n_out))
        self._product(x.reshape(-1, self.n_in), y.reshape(-1, self.n_out), training)
        self._tape = x
        return y

    def _product(self, rows: Array, out: Array, training: bool) -> None:
        weight, bias = self.parameters["weight"], self.parameters.get("bias")

        def some(piece: int, low: int, high: int) -> None:
            out[low:high] = 0 if bias is None else bias
            if training:
                products.gemm(rows[low:high], False, weight, False, out[low:high], True)
            else:
                products.multiply(rows[low:high], weight, out[low:high])

        with one_blas_thread():
            share(some, borders(len(rows)), self.threads)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        x, dy = self._taken(dy)
        rows, errors = x.reshape(-1, self.n_in), dy.reshape(-1, self.n_out)
        cuts, weight = borders(len(rows)), self.parameters["weight"]
        dx = self._empty("dx", x.shape) if input_gradient else None
        parts = self._empty("parts", (len(cuts) - 1, *weight.shape))
        by_weight = map_backward(rows, errors, weight, cuts, self.threads, parts, dx)
        self.gradients["weight"] = by_weight
        if self.bias:
            self.gradients["bias"] = column_sums(errors, cuts, self.threads)
        return dx

    def connections(self) -> "dict[str, Connection]":
        """Return the linear map; see `Layer.connections`."""
        from eventsim.io.neurobench import Dense

        return {"weight": Dense(self.parameters["weight"])}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report the operations of the map; see `Layer.report`."""
        workload.connection(f"weight/{place}", x)

    def step(self, x_t: Array, state: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
        """Return the output of one step; see `Layer.step`."""
        y = np.empty((len(x_t), self.n_out), self.dtype)
        y[...] = self.parameters.get("bias", 0)
        products.multiply(np.ascontiguousarray(x_t, self.dtype), self.parameters["weight"], y)
        return y, state


def map_backward(
    rows: Array, errors: Array, weight: Array, cuts: list[int], threads: int, parts: Array, dx: Array | None
) -> Array:
    """Return dL/dW of a linear map of all rows, and put dL/dx into `dx`, piece by piece over threads.

    Parameters
    ----------
    rows, errors : ndarray, shape (n_rows, n_in) and (n_rows, n_out)
        Inputs, and derivatives by the outputs.
    weight : ndarray, shape (n_in, n_out)
    cuts : list of int
        Borders of the pieces, whose sums are added in order: the bits do not depend on `threads`.
    threads : int
    parts : ndarray, shape (n_pieces, n_in, n_out)
        Room for the gradient of each piece.
    dx : ndarray or None
        Room for n_rows * n_in derivatives by the inputs, if they are wanted.
    """
    into = None if dx is None else dx.reshape(rows.shape)

    def some(piece: int, low: int, high: int) -> None:
        products.gemm(rows[low:high], True, errors[low:high], False, parts[piece], False)
        if into is not None:
            products.gemm(errors[low:high], False, weight, True, into[low:high], False)

    with one_blas_thread():
        share(some, cuts, threads)
    total: Array = parts.sum(axis=0)
    return total


def column_sums(rows: Array, cuts: list[int], threads: int) -> Array:
    """Return the sum of the rows, piece by piece."""
    parts = np.empty((len(cuts) - 1, rows.shape[1]), rows.dtype)

    def some(piece: int, low: int, high: int) -> None:
        products.gemm(
            np.ones((1, high - low), rows.dtype),
            False,
            rows[low:high],
            False,
            parts[piece : piece + 1],
            False,
        )

    with one_blas_thread():
        share(some, cuts, threads)
    total: Array = parts.sum(axis=0)
    return total
