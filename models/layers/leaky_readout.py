"""Outputs that integrate their input and do not spike.

u[t] = alpha u[t-1] + (1 - alpha) I[t],  u[0] = 0,  alpha = exp(-dt / tau), never trained and never cut
mu[t] = du[t] + alpha mu[t+1];  dL/dI[t] = (1 - alpha) mu[t]
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from eventsim.models.layers.kernels import lif as lif_loops
from eventsim.models.layers.kernels.pieces import of_threads, share
from eventsim.models.layers.layer import Array, Layer, State
from eventsim.models.layers.lif import ROW, per_channel
from eventsim.parameters import one_number

__all__ = ["LeakyReadout"]


class LeakyReadout(Layer):
    """Leaky integrators, one for each channel.

    Parameters
    ----------
    tau : float or array, shape (n,)
        Time constants, in the unit of `dt`.
    dt : float
        Length of a step.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    rounded_before = False

    def __init__(self, tau: ArrayLike = 20.0, *, dt: float = 1.0) -> None:
        super().__init__()
        if not one_number(dt, "dt", low=0) > 0:
            raise ValueError(f"dt must be positive, got {dt!r}")
        if not (np.asarray(tau, np.float64) > 0).all():
            raise ValueError(f"tau must be positive, got {tau!r}")
        self.tau, self.dt = tau, dt

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make the decay of every output; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        alpha = np.exp(-self.dt / per_channel(self.tau, n_in, "tau"))
        self.buffers = {"alpha": alpha.astype(self.dtype)}
        return n_in

    def row(self) -> Array:
        """Return the decays as the loops read them, repeated so that a loop is worth it."""
        return np.tile(self.buffers["alpha"], -(-ROW // self.n_in))

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the membranes of the currents `x`; see `Layer.forward`."""
        x = self._checked(x)
        u, zeros = self._empty("u", x.shape), np.zeros(x.shape[1:], self.dtype)
        self._run(x, zeros, u)
        self._tape = x.shape
        return u

    def _run(self, x: Array, first: Array, u: Array) -> None:
        if x.size == 0:
            return
        alpha = self.row()
        share(
            lambda piece, low, high: lif_loops.integrate(x, alpha, first, u, low, high),
            of_threads(x.shape[1], self.threads),
            self.threads,
        )

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        shape, dy = self._taken(dy)
        dx, alpha = self._empty("dx", shape), self.row()
        if dx.size:
            share(
                lambda piece, low, high: lif_loops.integrate_back(dy, alpha, dx, low, high),
                of_threads(shape[1], self.threads),
                self.threads,
            )
        return dx

    def init_state(self, batch: int) -> State:
        """Return the membranes before the first step, shape (batch, n)."""
        return {"u": np.zeros((batch, self.n_in), self.dtype)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the membranes after one step, to the bits of `forward`; see `Layer.step`."""
        x_t = np.ascontiguousarray(x_t, self.dtype)
        u = np.empty_like(x_t)
        self._run(x_t[None], state["u"], u[None])
        return u, {"u": u}
