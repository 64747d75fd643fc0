"""Causal convolution over time with dilation, all channels with all channels.

    y[t] = sum_k x[t - (K - 1 - k) d] W[k] (+ b),  k = 0 ... K - 1;  W (K, n_in, n_out); x[t] = 0 for t < 0
    dW[k] = sum_t x[t - (K - 1 - k) d]^T dy[t];  db = sum_t dy[t];  dx[t] = sum_k dy[t + (K - 1 - k) d] W[k]^T

Weights and bias, and the inputs that later steps read again, may be rounded; gradients pass straight through.

The last tap reads the present step. A stream keeps the last (K - 1) d + 1 steps in a ring. Products are those
of `Linear`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import products
from eventsim.models.layers.kernels.blas import one_blas_thread
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, State
from eventsim.models.layers.linear import column_sums
from eventsim.models.layers.rounded_state import RoundedState, Rounding
from eventsim.parameters import one_number

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["TemporalConv"]

BLOCK = 1024  # rows of a product whose sums stay in the nearer caches over all taps


class TemporalConv(RoundedState):
    """Causal convolution over time with dilation.

    Parameters
    ----------
    n_out : int
        Channels that come out.
    kernel : int
        Taps K.
    dilation : int
        Steps d between them.
    bias : bool
        Whether something is added to each channel.
    weight_range : float, optional
        Weights and bias start uniform in plus and minus this; 1 / sqrt(K n_in) unless given.
    rounding : Rounding, optional
        Of weights, a range for each output or for all, and of the inputs that a stream keeps.

    Attributes
    ----------
    span : int
        Steps that an output sees, the present one included.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    rounded_before = False  # it rounds what it keeps itself

    def __init__(
        self,
        n_out: int,
        kernel: int,
        *,
        dilation: int = 1,
        bias: bool = True,
        weight_range: float | None = None,
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__(rounding)
        for name, value in (("n_out", n_out), ("kernel", kernel), ("dilation", dilation)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")
        if weight_range is not None:
            one_number(weight_range, "weight_range", low=0)
        self.n_to, self.kernel, self.dilation = n_out, kernel, dilation
        self.bias, self.weight_range = bias, weight_range

    @property
    def span(self) -> int:
        """Steps that an output sees, the present one included."""
        return (self.kernel - 1) * self.dilation + 1

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw the weights; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        self.n_out = self.n_to
        limit = (self.kernel * n_in) ** -0.5 if self.weight_range is None else self.weight_range
        weight = rng.uniform(-limit, limit, (self.kernel, n_in, self.n_out))
        self.parameters = {"weight": weight.astype(self.dtype)}
        if self.bias:
            self.parameters["bias"] = rng.uniform(-limit, limit, self.n_out).astype(self.dtype)
        self._add_grid(n_in)
        return self.n_out

    def _n_states(self) -> int:
        return self.n_in

    def _shift(self, tap: int) -> int:
        """Return how many steps before the present one a tap reads."""
        return (self.kernel - 1 - tap) * self.dilation

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the convolution; see `Layer.forward`.

        Raises
        ------
        ValueError
            If the sequences are shorter than the kernel.
        """
        self._tape = None
        x = self._checked(x)
        if len(x) < self.span:
            raise ValueError(f"sequences of {len(x)} steps are shorter than a kernel that spans {self.span}")
        self._observe(x, lengths)
        x = self.on_state_grid(x)
        batch, used = x.shape[1], self.used()
        y = self._empty("y", (len(x), batch, self.n_out))
        rows, out = x.reshape(-1, self.n_in), y.reshape(-1, self.n_out)
        weight, bias = used["weight"], used.get("bias")

        def some(piece: int, first: int, last: int) -> None:
            for low in range(first, last, BLOCK):
                high = min(low + BLOCK, last)
                out[low:high] = 0 if bias is None else bias
                for tap in range(self.kernel):
                    shift = self._shift(tap) * batch
                    start = max(low, shift)
                    if start >= high:
                        continue
                    seen, to = rows[start - shift : high - shift], out[start:high]
                    if training:
                        products.gemm(seen, False, weight[tap], False, to, True)
                    else:
                        products.multiply(seen, weight[tap], to)

        with one_blas_thread():
            share(some, borders(len(rows)), self.threads)
        self._tape = x
        return y

    def connections(self) -> "dict[str, Connection]":
        """Return the convolution over time; see `Layer.connections`."""
        from eventsim.io.neurobench import Convolution

        taps = self.used()["weight"].transpose(2, 1, 0)
        return {"weight": Convolution(taps, padding=((self.span - 1, 0),), dilation=self.dilation)}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report the whole sequence as one call; see `Layer.report`."""
        workload.sequence(f"weight/{place}", x)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        x, dy = self._taken(dy)
        batch = x.shape[1]
        rows, errors = x.reshape(-1, self.n_in), dy.reshape(-1, self.n_out)
        cuts, weight = borders(len(rows)), self.used()["weight"]
        dx = self._empty("dx", x.shape) if input_gradient else None
        parts = self._empty("parts", (len(cuts) - 1, *weight.shape))

        def some(piece: int, first: int, last: int) -> None:
            sums = parts[piece]
            sums[...] = 0
            for low in range(first, last, BLOCK):
                high = min(low + BLOCK, last)
                if dx is not None:
                    dx.reshape(-1, self.n_in)[low:high] = 0
                for tap in range(self.kernel):
                    shift = self._shift(tap) * batch
                    start = max(low, shift)
                    if start < high:
                        seen = rows[start - shift : high - shift]
                        products.gemm(seen, True, errors[start:high], False, sums[tap], True)
                    if dx is not None and low + shift < len(rows):
                        stop = min(high, len(rows) - shift)
                        into = dx.reshape(-1, self.n_in)[low:stop]
                        products.gemm(
                            errors[low + shift : stop + shift], False, weight[tap], True, into, True
                        )

        with one_blas_thread():
            share(some, cuts, self.threads)
        self.gradients["weight"] = parts.sum(axis=0)
        if self.bias:
            self.gradients["bias"] = column_sums(errors, cuts, self.threads)
        return dx

    def init_state(self, batch: int) -> State:
        """Return the ring of the last steps, shape (span, batch, n_in), and where the present one goes."""
        return {"ring": np.zeros((self.span, batch, self.n_in), self.dtype), "place": 0}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the output of one step, to the bits of `forward`; the ring is changed in place."""
        ring, place, used = state["ring"], state["place"], self.used()
        ring[place] = self.on_state_grid(np.ascontiguousarray(x_t, self.dtype))
        y = np.empty((len(x_t), self.n_out), self.dtype)
        bias: Any = used.get("bias", 0)
        y[...] = bias
        for tap in range(self.kernel):
            products.multiply(ring[(place - self._shift(tap)) % self.span], used["weight"][tap], y)
        return y, {"ring": ring, "place": (place + 1) % self.span}
