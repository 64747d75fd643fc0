"""Minimal gated recurrent units, whose gates and candidates see the input only.

Forward, for t = 1 ... T, from h[0] = 0:

    v[t] = x[t] W_z + b_z;  z[t] = sigmoid(v[t])         the weight of the new value
    a[t] = x[t] W_h + b_h;  c[t] = a[t], or g(a[t])      g(a) = a + 1/2 for a >= 0, sigmoid(a) below
    h[t] = (1 - z[t]) h[t-1] + z[t] c[t]

With g, states are positive, so a scan of logarithms can compute them (the log-space form). The loop gives the
same states, is faster on a processor, and keeps the digits that a sum of logarithms loses.

Backward, for t = T ... 1, from lambda[T+1] = 0:

    lambda[t] = dh[t] + (1 - z[t+1]) lambda[t+1]
    da[t] = lambda[t] z[t], times g'(a[t]): 1, or c (1 - c) where a < 0
    dv[t] = lambda[t] (c[t] - h[t-1]) z[t] (1 - z[t])
    dW_z = sum x^T dv;  db_z = sum dv;  dW_h = sum x^T da;  db_h = sum da;  dx = dv W_z^T + da W_h^T

Feng et al. 2024, Were RNNs all we needed?
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import min_gru as min_gru_loops
from eventsim.models.layers.kernels import products
from eventsim.models.layers.kernels.blas import one_blas_thread
from eventsim.models.layers.kernels.pieces import borders, of_threads, share
from eventsim.models.layers.layer import Array, State
from eventsim.models.layers.linear import column_sums, map_backward
from eventsim.models.layers.rounded_state import RoundedState, Rounding

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["MinGRU"]


class MinGRU(RoundedState):
    """Minimal gated recurrent units.

    Parameters
    ----------
    n_out : int, optional
        Units; as many as channels come in unless given.
    positive : bool
        Whether candidates go through g, which makes the states positive: the log-space form.
    gate_bias : (float, float)
        Gate biases start uniform in this range. The default spreads the time constants, -1 / ln(1 - z), from
        1.4 to 55 steps; a bias of 0 would give every unit 1.4 steps.
    rounding : Rounding, optional
        Of weights and states h.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    rounded_after = False  # states are on a grid already

    def __init__(
        self,
        n_out: int | None = None,
        *,
        positive: bool = False,
        gate_bias: tuple[float, float] = (-4.0, 0.0),
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__(rounding)
        if n_out is not None and n_out < 1:
            raise ValueError(f"n_out must be at least 1, got {n_out!r}")
        low, high = gate_bias
        if not -np.inf < low <= high < np.inf:
            raise ValueError(f"gate_bias must be a range (low, high) of finite numbers, got {gate_bias!r}")
        self.n_to, self.positive, self.gate_bias = n_out, positive, (float(low), float(high))

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw weights uniform in plus and minus 1 / sqrt(n_in), and gate biases; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        self.n_out = self.n_to or n_in
        limit, shape = n_in**-0.5, (n_in, self.n_out)
        drawn = {
            "gate_weight": rng.uniform(-limit, limit, shape),
            "gate_bias": rng.uniform(*self.gate_bias, self.n_out),
            "weight": rng.uniform(-limit, limit, shape),
            "bias": rng.uniform(-limit, limit, self.n_out),
        }
        self.parameters = {name: array.astype(self.dtype) for name, array in drawn.items()}
        self._add_grid(self.n_out)
        return self.n_out

    def both(self) -> tuple[Array, Array]:
        """Return weights and biases of gates and candidates side by side: one product in place of two."""
        own = self.used()
        weight = np.concatenate((own["gate_weight"], own["weight"]), axis=1)
        return weight, np.concatenate((own["gate_bias"], own["bias"]))

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the states of all steps; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        first = np.zeros((x.shape[1], self.n_out), self.dtype)
        pre, h = self._run(x, first, training)
        self._observe(h, lengths)
        self._tape = x, first, pre, h
        return h

    def _run(self, x: Array, first: Array, training: bool) -> tuple[Array, Array]:
        steps, batch, n_in = x.shape
        pre, h = (
            self._empty("pre", (steps, batch, 2 * self.n_out)),
            self._empty("h", (steps, batch, self.n_out)),
        )
        weight, bias = self.both()
        grid = self.state_grid()
        rows, out = x.reshape(-1, n_in), pre.reshape(-1, 2 * self.n_out)

        def product(piece: int, low: int, high: int) -> None:
            out[low:high] = bias
            if training:
                products.gemm(rows[low:high], False, weight, False, out[low:high], True)
            else:
                products.multiply(rows[low:high], weight, out[low:high])

        def loop(piece: int, low: int, high: int) -> None:
            min_gru_loops.forward(pre, first, h, self.positive, low, high, grid)

        if x.size:
            with one_blas_thread():
                share(product, borders(len(rows)), self.threads)
            share(loop, of_threads(batch, self.threads), self.threads)
        return pre, h

    def connections(self) -> "dict[str, Connection]":
        """Return the maps of gates and of candidates; see `Layer.connections`."""
        from eventsim.io.neurobench import Dense

        return {name: Dense(self.parameters[name]) for name in ("gate_weight", "weight")}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report both maps, and the two products of the update as elementwise; see `Layer.report`."""
        for name in ("gate_weight", "weight"):
            workload.connection(f"{name}/{place}", x)
        workload.add("ElementwiseOperations", 2 * y.size)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        (x, first, pre, h), dy = self._taken(dy)
        carry = np.zeros_like(first)

        def loop(piece: int, low: int, high: int) -> None:
            min_gru_loops.backward(dy, first, h, pre, carry, self.positive, low, high)

        if x.size:
            share(loop, of_threads(x.shape[1], self.threads), self.threads)
        rows, errors = x.reshape(-1, self.n_in), pre.reshape(-1, 2 * self.n_out)
        cuts, weight = borders(len(rows)), self.both()[0]
        dx = self._empty("dx", x.shape) if input_gradient else None
        parts = self._empty("parts", (len(cuts) - 1, *weight.shape))
        by_weight = map_backward(rows, errors, weight, cuts, self.threads, parts, dx)
        by_bias, n = column_sums(errors, cuts, self.threads), self.n_out
        self.gradients = {
            "gate_weight": np.ascontiguousarray(by_weight[:, :n]),
            "gate_bias": by_bias[:n].copy(),
            "weight": np.ascontiguousarray(by_weight[:, n:]),
            "bias": by_bias[n:].copy(),
        }
        return dx

    def init_state(self, batch: int) -> State:
        """Return the states before the first step, shape (batch, n_out)."""
        return {"h": np.zeros((batch, self.n_out), self.dtype)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the states of one step, to the bits of `forward`; see `Layer.step`."""
        x_t = np.ascontiguousarray(x_t, self.dtype)
        weight, pre = self.both()
        pre = np.tile(pre, (len(x_t), 1))
        h = np.empty((1, len(x_t), self.n_out), self.dtype)
        products.multiply(x_t, weight, pre)
        min_gru_loops.forward(pre[None], state["h"], h, self.positive, 0, len(x_t), self.state_grid())
        return h[0], {"h": h[0]}
