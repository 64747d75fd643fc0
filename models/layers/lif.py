"""Spiking units on ticks, trained with a surrogate for the derivative of a spike.

Forward, for t = 1 ... T, from v[0] = s[0] = 0:

    v[t] = alpha v[t-1] + I[t] - theta s[t-1]        reset by subtraction, one step late
    s[t] = 1 if v[t] > theta else 0
    alpha = exp(-dt / tau), trained as it is, cut to [1e-5, 0.98] in use

Backward, for t = T ... 1, from lambda[T+1] = 0, with f = surrogate(v[t] - theta):

    dalpha += lambda[t+1] v[t]                       0 where alpha is cut
    g = ds[t] - theta lambda[t+1]
    dtheta -= g f + lambda[t+1] s[t]
    lambda[t] = g f + alpha lambda[t+1] = dL/dI[t]

Moro et al. 2024, The role of temporal hierarchy in spiking neural networks, and their public code.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from eventsim.models.layers.kernels import lif as lif_loops
from eventsim.models.layers.kernels.pieces import of_threads, share
from eventsim.models.layers.layer import Array, Memory, State
from eventsim.models.layers.rounded_state import RoundedState, Rounding, RoundingPlan
from eventsim.parameters import one_number

if TYPE_CHECKING:
    from eventsim.io.neurobench import Workload

__all__ = ["LIF"]

ROW = 256  # values that share a loop, at least, however few the units
START = (0.1, 0.99)  # what alpha is cut to at the start; above, no lower than the limit in use


class LIF(RoundedState):
    """Leaky integrate-and-fire units, one for each channel.

    Parameters
    ----------
    tau : float or array, shape (n,)
        Membrane time constants, in the unit of `dt`.
    dt : float
        Length of a step.
    threshold : float or array, shape (n,)
        Spikes are sent above it; it is also what a spike takes from the membrane.
    train_alpha, train_threshold : bool
        Whether decay and threshold are parameters, one of each for a unit; else they are buffers.
    surrogate : {"box", "fast_sigmoid", "triangle"}
        With x = v - theta and w = `width`: 1/w where \\|x\\| < w/2;  1 / (10 \\|x\\| / w + 1)^2;
        max(0, 1 - \\|x\\| / w) / w.
    width : float
        Of the surrogate.
    limits : (float, float)
        What alpha is cut to in use; its gradient is 0 beyond.
    smooth : bool
        Whether s is the integral of the surrogate in place of a step, so that derivatives can be checked.
    rounding : Rounding, optional
        Of membranes, by its `state`; decays and thresholds stay as they are.

    Attributes
    ----------
    membrane : ndarray, shape (time, batch, n)
        v of the last forward pass, until its backward pass.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    rounded_before, rounded_after = False, False  # currents are summed up; spikes are 0 or 1

    def __init__(
        self,
        tau: ArrayLike = 20.0,
        *,
        dt: float = 1.0,
        threshold: ArrayLike = 1.0,
        train_alpha: bool = False,
        train_threshold: bool = False,
        surrogate: Literal["box", "fast_sigmoid", "triangle"] = "box",
        width: float = 1.0,
        limits: tuple[float, float] = (1e-5, 0.98),
        smooth: bool = False,
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__(rounding)
        if surrogate not in lif_loops.SURROGATES:
            raise ValueError(f"surrogate must be one of {', '.join(lif_loops.SURROGATES)}, got {surrogate!r}")
        for name, value in (("dt", dt), ("width", width)):
            if not one_number(value, name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if not (np.asarray(tau, np.float64) > 0).all():
            raise ValueError(f"tau must be positive, got {tau!r}")
        if not np.isfinite(np.asarray(threshold, np.float64)).all():
            raise ValueError(f"threshold must be finite, got {threshold!r}")
        if not 0 <= limits[0] < limits[1] < 1:
            raise ValueError(f"limits of alpha must rise within [0, 1), got {limits!r}")
        self.tau, self.dt, self.threshold = tau, dt, threshold
        self.train_alpha, self.train_threshold = train_alpha, train_threshold
        self.surrogate, self.width, self.limits, self.smooth = surrogate, width, limits, smooth
        self._spikes: Array | None = None  # of each unit in the last forward pass, where they were counted
        self._changes = 0

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make decay and threshold of every unit; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        alpha = np.exp(-self.dt / per_channel(self.tau, n_in, "tau"))
        arrays = {
            "alpha": (
                np.clip(alpha, START[0], max(START[1], self.limits[1])).astype(self.dtype),
                self.train_alpha,
            ),
            "threshold": (
                per_channel(self.threshold, n_in, "threshold").astype(self.dtype),
                self.train_threshold,
            ),
        }
        for name, (array, trained) in arrays.items():
            (self.parameters if trained else self.buffers)[name] = array
        self._add_grid(n_in)
        return n_in

    @property
    def alpha(self) -> Array:
        """The decay of each unit, as it is used."""
        both = self.parameters | self.buffers
        alpha: Array = np.clip(both["alpha"], *(self.dtype.type(limit) for limit in self.limits))
        return alpha

    @property
    def time_constants(self) -> Array:
        """The time constant of each unit as it is used, in the unit of `dt`."""
        constants: Array = -self.dt / np.log(self.alpha.astype(np.float64))
        return constants

    @property
    def membrane(self) -> Array:
        """The membranes of the last forward pass, shape (time, batch, n)."""
        if self._tape is None:
            raise RuntimeError("membrane needs a forward pass, and no backward pass after it")
        v: Array = self._tape[0]
        return v

    def rows(self) -> tuple[Array, Array]:
        """Return decays and thresholds as the loops read them, repeated so that a loop is worth it."""
        times = -(-ROW // self.n_in)
        both = self.parameters | self.buffers
        return np.tile(self.alpha, times), np.tile(both["threshold"], times)

    def row_grid(self) -> Array | None:
        """Return the grid of membranes as the loops read it, repeated as `rows`; None without rounding."""
        grid = self.state_grid()
        if grid is not None and self.smooth:
            raise ValueError("membranes of smooth spikes are not rounded; set smooth=False")
        return None if grid is None else np.tile(grid, (1, -(-ROW // self.n_in)))

    def rounded(self, plan: RoundingPlan) -> Self:
        """Return a copy whose membranes are rounded; it needs a calibration."""
        return super().rounded(replace(plan, weights=None))

    def used(self) -> dict[str, Array]:
        """Return the parameters, which are never rounded."""
        return self.parameters

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits; a spike takes one bit where membranes are rounded. See `Layer.memory`."""
        parameters, buffers, state = super().memory()
        if self.rounding is not None and self.rounding.state is not None:
            state = Memory(state.numbers, self.n_in * (self.rounding.state.bits + 1))
        return parameters, buffers, state

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the spikes, 0 or 1, of the currents `x`; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        v, s = self._empty("v", x.shape), self._empty("s", x.shape)
        zeros = np.zeros(x.shape[1:], self.dtype)
        self._run(x, zeros, zeros, v, s)
        self._observe(v, lengths)
        self._tape = v, x.shape
        return s

    def _run(self, x: Array, first_v: Array, first_s: Array, v: Array, s: Array) -> None:
        self._spikes, self._changes = None, 0
        if x.size == 0:
            return
        alpha, threshold = self.rows()
        kind, grid = lif_loops.SURROGATES[self.surrogate], self.row_grid()
        cuts = of_threads(x.shape[1], self.threads)
        counted = self.counting and not self.smooth
        spikes = np.zeros((len(cuts) - 1, self.n_in), np.int64) if counted else None
        changes = [0] * (len(cuts) - 1)

        def some(piece: int, low: int, high: int) -> None:
            changes[piece] = lif_loops.forward(
                x,
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
                None if spikes is None else spikes[piece],
            )

        share(some, cuts, self.threads)
        if spikes is not None:
            self._spikes = spikes[0] if len(spikes) == 1 else spikes.sum(axis=0)
            self._changes = sum(changes)

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report spikes and membranes; see `Layer.report`."""
        if self._spikes is not None:
            workload.spikes_of(y, self._spikes)
        workload.activation(place, y, "spike")
        workload.membrane(place, self.membrane, changed=None if self._spikes is None else self._changes)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        v: Array
        (v, shape), dy = self._taken(dy)
        alpha, threshold = self.rows()
        kind = lif_loops.SURROGATES[self.surrogate]
        sums = {name: np.empty(shape[1:], self.dtype) for name in self.parameters}
        room = self._empty("lambda", shape[1:])

        def some(piece: int, low: int, high: int) -> None:
            lif_loops.backward(
                dy,
                alpha,
                threshold,
                v,
                sums.get("alpha"),
                sums.get("threshold"),
                room,
                kind,
                self.width,
                self.smooth,
                low,
                high,
            )

        if v.size:
            share(some, of_threads(shape[1], self.threads), self.threads)
        for name, each in sums.items():
            self.gradients[name] = each.sum(axis=0, dtype=np.float64).astype(self.dtype)
        if self.train_alpha:
            raw, used = self.parameters["alpha"], self.alpha
            self.gradients["alpha"][raw != used] = 0
        return v

    def init_state(self, batch: int) -> State:
        """Return membranes and spikes before the first step, shape (batch, n) each."""
        return {name: np.zeros((batch, self.n_in), self.dtype) for name in ("v", "s")}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the spikes of one step, to the bits of `forward`; see `Layer.step`."""
        x_t = np.ascontiguousarray(x_t, self.dtype)
        v, s = np.empty_like(x_t), np.empty_like(x_t)
        self._run(x_t[None], state["v"], state["s"], v[None], s[None])
        return s, {"v": v, "s": s}


def per_channel(value: Any, n: int, name: str) -> Array:
    """Return one number for each channel.

    Raises
    ------
    ValueError
        If there are several, but not as many.
    """
    array = np.asarray(value, np.float64)
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{name} must be one number or one for each of {n} channels, got shape {array.shape}"
        )
    return np.broadcast_to(array, (n,)).copy()
