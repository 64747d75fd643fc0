"""Spiking units on ticks whose spikes come back to all of them, trained with a surrogate.

Forward, for t = 1 ... T, from v[0] = s[0] = 0:

    v[t] = alpha v[t-1] + I[t] + s[t-1] V - theta s[t-1];  s[t] = 1 if v[t] > theta else 0

Backward, for t = T ... 1, from lambda[T+1] = 0, with f = surrogate(v[t] - theta):

    g = ds[t] + lambda[t+1] V^T - theta lambda[t+1];  lambda[t] = g f + alpha lambda[t+1] = dL/dI[t]
    dV += s[t-1]^T lambda[t];  dalpha, dtheta as those of `LIF`

Membranes may be rounded; V stays in full precision.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from eventsim.models.layers.kernels import lif as lif_loops
from eventsim.models.layers.kernels import products
from eventsim.models.layers.kernels import recurrent_lif as recurrent_lif_loops
from eventsim.models.layers.kernels.blas import one_blas_thread
from eventsim.models.layers.kernels.pieces import borders, of_threads, share
from eventsim.models.layers.layer import Array
from eventsim.models.layers.lif import LIF
from eventsim.parameters import one_number

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["RecurrentLIF"]


class RecurrentLIF(LIF):
    """Leaky integrate-and-fire units with all-to-all recurrent weights.

    Parameters
    ----------
    tau : float or array, shape (n,)
        Membrane time constants, in the unit of `dt`.
    recurrent_range : float, optional
        Recurrent weights start uniform in plus and minus this; 1 / sqrt(n) unless given.
    dt, threshold, train_alpha, train_threshold, surrogate, width, limits, smooth, rounding
        As those of `LIF`.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(
        self,
        tau: ArrayLike = 20.0,
        *,
        recurrent_range: float | None = None,
        dt: float = 1.0,
        threshold: ArrayLike = 1.0,
        train_alpha: bool = False,
        train_threshold: bool = False,
        surrogate: Any = "box",
        width: float = 1.0,
        limits: tuple[float, float] = (1e-5, 0.98),
        smooth: bool = False,
        rounding: Any = None,
    ) -> None:
        super().__init__(
            tau,
            dt=dt,
            threshold=threshold,
            train_alpha=train_alpha,
            train_threshold=train_threshold,
            surrogate=surrogate,
            width=width,
            limits=limits,
            smooth=smooth,
            rounding=rounding,
        )
        if recurrent_range is not None:
            one_number(recurrent_range, "recurrent_range", low=0)
        self.recurrent_range = recurrent_range

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make decays and thresholds, and draw recurrent weights; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        limit = n_in**-0.5 if self.recurrent_range is None else self.recurrent_range
        self.parameters["recurrent"] = rng.uniform(-limit, limit, (n_in, n_in)).astype(self.dtype)
        return n_in

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the spikes, 0 or 1, of the currents `x`; see `Layer.forward`."""
        s = super().forward(x, training=training, lengths=lengths, rng=rng)
        v, shape = self._tape
        self._tape = v, shape, s
        return s

    def _run(self, x: Array, first_v: Array, first_s: Array, v: Array, s: Array) -> None:
        if x.size == 0:
            return
        alpha, threshold = self.rows()
        kind, grid, current = lif_loops.SURROGATES[self.surrogate], self.row_grid(), x.copy()
        weight = self.parameters["recurrent"]

        def some(piece: int, low: int, high: int) -> None:
            recurrent_lif_loops.forward(
                current,
                weight,
                alpha,
                threshold,
                first_v,
                first_s,
                v,
                s,
                kind,
                self.width,
                self.smooth,
                low,
                high,
                grid,
            )

        share(some, of_threads(x.shape[1], self.threads), self.threads)

    def connections(self) -> "dict[str, Connection]":
        """Return the recurrent map; see `Layer.connections`."""
        from eventsim.io.neurobench import Dense

        return {"recurrent": Dense(self.parameters["recurrent"])}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report spikes, membranes, and the recurrent map, which reads the spikes of the step before."""
        super().report(workload, place, x, y)
        before = np.zeros_like(y)
        before[1:] = y[:-1]
        workload.connection(f"recurrent/{place}", before)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        v: Array
        (v, shape, s), dy = self._taken(dy)
        alpha, threshold = self.rows()
        kind = lif_loops.SURROGATES[self.surrogate]
        turned = np.ascontiguousarray(self.parameters["recurrent"].T)
        sums = {name: np.zeros(shape[1:], self.dtype) for name in self.parameters if name != "recurrent"}
        carry, room = np.zeros(shape[1:], self.dtype), np.empty(shape[1:], self.dtype)

        def some(piece: int, low: int, high: int) -> None:
            recurrent_lif_loops.backward(
                dy,
                turned,
                alpha,
                threshold,
                v,
                sums.get("alpha"),
                sums.get("threshold"),
                carry,
                room,
                kind,
                self.width,
                self.smooth,
                low,
                high,
            )

        if v.size:
            share(some, of_threads(shape[1], self.threads), self.threads)
        self.gradients = {
            name: each.sum(axis=0, dtype=np.float64).astype(self.dtype) for name, each in sums.items()
        }
        if self.train_alpha:
            self.gradients["alpha"][self.parameters["alpha"] != self.alpha] = 0
        self.gradients["recurrent"] = self._by_recurrent(s, v)
        return v

    def _by_recurrent(self, s: Array, errors: Array) -> Array:
        """Return the sum of s[t-1]^T lambda[t] over time and batch, piece by piece."""
        before, after = s[:-1].reshape(-1, self.n_in), errors[1:].reshape(-1, self.n_in)
        cuts = borders(len(before))
        parts = np.zeros((len(cuts) - 1, self.n_in, self.n_in), self.dtype)

        def some(piece: int, low: int, high: int) -> None:
            products.gemm(before[low:high], True, after[low:high], False, parts[piece], False)

        if len(before):
            with one_blas_thread():
                share(some, cuts, self.threads)
        total: Array = parts.sum(axis=0)
        return total
