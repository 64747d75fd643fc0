"""A causal convolution of each channel whose taps have learnable real delays.

    y[t] = sum_tau kappa[tau] x[t - tau],  x[t] = 0 for t < 1        kappa: see delay_kernels.py
    D[tau] = dL/dkappa[tau] = sum_{t, sample} dy[t] x[t - tau]
    dx[t] = sum_tau kappa[tau] dy[t + tau]

Only the steps that a tap reaches are computed: 2 K of them for K taps with a triangle, whatever the window;
K after rounding. Positions are cut to [0, window - 1] at every training step.

Torchet et al. 2025, mGRADE; Khalfaoui-Hassani et al. 2023 for the kernels.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from eventsim.models.layers import delay_kernels
from eventsim.models.layers.delay_kernels import Taps
from eventsim.models.layers.kernels import delay_conv as delay_conv_loops
from eventsim.models.layers.kernels.pieces import of_threads, share
from eventsim.models.layers.layer import Array, Memory, State
from eventsim.models.layers.rounded_state import SCALES, RoundedState, Rounding
from eventsim.models.layers.sequential import Sequential

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["DelayConv", "keep_positions_inside"]

WORD = 32  # bits of a number in full precision


class DelayConv(RoundedState):
    """A causal convolution of each channel with K taps at real delays.

    Parameters
    ----------
    taps : int
        K, taps of each channel.
    window : int
        Steps that the kernel spans: the largest delay, plus 1.
    kernel : {"triangle", "gauss"}
        How a tap at a real position acts on whole steps.
    positions : {"uniform", "dilated"} or array, shape (K,) or (n, K)
        Delays at the start: drawn uniform in the window, spread evenly from 0 to its end, or given, in steps.
    train_positions, train_spread : bool
        Whether delays, and the widths of Gauss taps, are parameters; else they are buffers.
    spread : float
        Width of a Gauss tap at the start: sigma = \\|spread\\| + 0.27 steps.
    rounding : Rounding, optional
        Of the values of taps, a range for each channel or for all, and of the inputs that a stream keeps.

    Raises
    ------
    ValueError
        If a setting is out of its range, or a position is outside the window.
    """

    rounded_before = False  # it rounds what it keeps itself

    def __init__(
        self,
        taps: int = 4,
        window: int = 16,
        *,
        kernel: Literal["triangle", "gauss"] = "triangle",
        positions: Literal["uniform", "dilated"] | ArrayLike = "uniform",
        train_positions: bool = True,
        train_spread: bool = False,
        spread: float = 0.23,
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__(rounding)
        if taps < 1 or window < 1:
            raise ValueError(f"taps and window must be at least 1, got {taps!r} and {window!r}")
        if kernel not in ("triangle", "gauss"):
            raise ValueError(f"kernel must be 'triangle' or 'gauss', got {kernel!r}")
        if isinstance(positions, str) and positions not in ("uniform", "dilated"):
            raise ValueError(f"positions must be 'uniform', 'dilated' or an array, got {positions!r}")
        if train_spread and kernel != "gauss":
            raise ValueError("train_spread needs kernel='gauss': a triangle has no width")
        if not isinstance(positions, str):
            check_positions(np.asarray(positions, np.float64), window)
        self.taps, self.window, self.kernel, self.positions = taps, window, kernel, positions
        self.train_positions, self.train_spread, self.spread = train_positions, train_spread, float(spread)
        self._known: tuple[list[Array], bool, Rounding | None, Taps] | None = None

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw weights, normal with variance 1 / K, and positions; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        shape, last = (n_in, self.taps), self.window - 1
        weight = rng.normal(0.0, self.taps**-0.5, shape)
        if not isinstance(self.positions, str):
            position = np.broadcast_to(np.asarray(self.positions, np.float64), shape)
        elif self.positions == "uniform":
            position = rng.uniform(0, last, shape)
        else:
            position = np.broadcast_to(np.linspace(0, last, self.taps), shape)
        self.parameters = {"weight": weight.astype(self.dtype)}
        self._place("position", position.astype(self.dtype), self.train_positions)
        if self.kernel == "gauss":
            self._place("spread", np.full(shape, self.spread, self.dtype), self.train_spread)
        self._known = None
        self._add_grid(n_in)
        return n_in

    def _place(self, name: str, array: Array, trained: bool) -> None:
        (self.parameters if trained else self.buffers)[name] = np.array(array, order="C")

    def load_state_dict(self, state: Any) -> None:
        """Take over what `state_dict` returned; see `Layer.load_state_dict`."""
        if "position" in state:
            check_positions(np.asarray(state["position"]), self.window)
        super().load_state_dict(state)

    def check_values(self, state: Mapping[str, Any]) -> None:
        """Refuse positions and spreads that are no numbers: there is no tap; see `Layer.check_values`.

        The last step of training may leave positions outside the window, so these pass.
        """
        for name in ("position", "spread"):
            values = np.asarray(state.get(name, 0.0))
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite, got {values[~np.isfinite(values)].flat[0]:g}")

    def constrain(self) -> None:
        """Cut positions to the window, in place."""
        if self.train_positions:
            position = self.parameters["position"]
            np.clip(position, 0, self.window - 1, out=position)

    def round_positions(self) -> None:
        """Round positions to whole steps, in place: then a channel needs one value for each tap."""
        position = (self.parameters | self.buffers)["position"]
        np.rint(position, out=position)

    def _settings(self) -> list[Array]:
        both = self.parameters | self.buffers
        return [both[name] for name in ("weight", "position", "spread") if name in both]

    def _n_states(self) -> int:
        return self.n_in

    def _all_taps(self) -> Taps:
        """Return delays and values of each channel, rounded unless it observes."""
        taps = self.exact_taps()
        quantizer = None if self.rounding is None or self.observing else self.rounding.weight
        if quantizer is None:
            return taps
        return Taps(taps.delay, taps.count, quantizer(taps.value.astype(np.float64)).astype(self.dtype))

    def exact_taps(self) -> Taps:
        """Return delays and values of each channel before they are rounded."""
        settings = [each.astype(np.float64) for each in self._settings()]
        settings[1] = np.clip(settings[1], 0, self.window - 1)  # the last step of training may leave it
        if self.kernel == "triangle":
            return delay_kernels.triangle_taps(settings[0], settings[1], self.window, self.dtype)
        return delay_kernels.gauss_taps(settings[0], settings[1], settings[2], self.window, self.dtype)

    @property
    def used_taps(self) -> Taps:
        """Delays and values of each channel, without those that are 0."""
        settings = self._settings()
        known, key = self._known, (self.observing, self.rounding)
        if known is None or known[1:3] != key or not all(map(np.array_equal, known[0], settings)):
            taps = self._all_taps()
            own = np.arange(taps.delay.shape[1]) < taps.count[:, None]
            kept = Taps(taps.delay, taps.count, np.where(own, taps.value, 0).astype(self.dtype)).nonzero()
            known = self._known = [each.copy() for each in settings], *key, kept
        return known[3]

    @property
    def buffer_length(self) -> int:
        """Samples of the past that a stream keeps for each channel, the present one included."""
        taps = self.used_taps
        own = np.arange(taps.delay.shape[1]) < taps.count[:, None]
        return int(taps.delay[own].max(initial=0)) + 1

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits; once rounded, of values and whole delays of taps. See `Layer.memory`."""
        of = self.rounding
        if of is None or (of.weight is None and of.state is None):
            return super().memory()
        n_taps = int(self.used_taps.count.sum())
        each = WORD if of.weight is None else of.weight.bits
        parameters = Memory(2 * n_taps, n_taps * (each + (self.window - 1).bit_length()))
        grids = self.n_in if of.state is not None else 0
        if of.weight is not None:
            grids += self.n_in if of.weight.per == "head" else 1
        kept = self.buffer_length * self.n_in
        state = Memory(kept, kept * (WORD if of.state is None else of.state.bits))
        return parameters, Memory(2 * grids, SCALES * grids), state

    def _rooms(self, cuts: list[int], steps: int, copies: int) -> list[Array]:
        size = copies * delay_conv_loops.ROOM * (self.window + steps)
        return [np.empty(size, self.dtype) for _ in cuts[1:]]

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the convolution of every channel; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        self._observe(x, lengths)
        x = self.on_state_grid(x)
        if training:
            self.constrain()
        all_taps = self._all_taps() if training else self.used_taps
        taps = all_taps if not training else all_taps.nonzero()
        y = self._empty("y", x.shape)
        cuts = of_threads(x.shape[1], self.threads)
        rooms = self._rooms(cuts, len(x), 2)

        def some(piece: int, low: int, high: int) -> None:
            delay_conv_loops.forward(
                x, taps.delay, taps.count, taps.value, self.window, y, rooms[piece], low, high
            )

        if x.size:
            share(some, cuts, self.threads)
        self._tape = x
        return y

    def connections(self) -> "dict[str, Connection]":
        """Return the kernels as they act on whole steps, of one channel each; see `Layer.connections`."""
        from eventsim.io.neurobench import Convolution

        taps = self.used_taps
        kernel = np.zeros((self.n_in, 1, self.window), self.dtype)
        for channel, count in enumerate(taps.count):
            steps = self.window - 1 - taps.delay[channel, :count]
            np.add.at(kernel[channel, 0], steps, taps.value[channel, :count])
        return {"weight": Convolution(kernel, padding=((self.window - 1, 0),), groups=self.n_in)}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report the whole sequence as one call; see `Layer.report`."""
        workload.sequence(f"weight/{place}", x)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        x, dy = self._taken(dy)
        taps = self._all_taps()
        dx = self._empty("dx", x.shape) if input_gradient else None
        by_value = np.zeros((x.shape[1], *taps.value.shape), self.dtype)
        cuts = of_threads(x.shape[1], self.threads)
        rooms = self._rooms(cuts, len(x), 3)

        def some(piece: int, low: int, high: int) -> None:
            delay_conv_loops.backward(
                x, taps.delay, taps.count, taps.value, self.window, dy, dx, by_value, rooms[piece], low, high
            )

        if x.size:
            share(some, cuts, self.threads)
        by_tap = by_value.sum(axis=0, dtype=np.float64)
        settings = [each.astype(np.float64) for each in self._settings()]
        found: tuple[Array, ...]
        if self.kernel == "triangle":
            found = delay_kernels.triangle_gradients(settings[0], settings[1], self.window, by_tap)
        else:
            found = delay_kernels.gauss_gradients(
                settings[0], settings[1], settings[2], self.window, taps, by_tap
            )
        named = dict(zip(("weight", "position", "spread"), found, strict=False))
        self.gradients = {name: np.ascontiguousarray(named[name], self.dtype) for name in self.parameters}
        return dx

    def init_state(self, batch: int) -> State:
        """Return the past, a ring (batch, length, n) of zeros, and the place of its next sample."""
        past = np.zeros((batch, self.buffer_length, self.n_in), self.dtype)
        return {"past": past, "at": np.zeros(1, np.int64)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the convolution at one step, to the bits of `forward`; see `Layer.step`."""
        x_t = self.on_state_grid(np.ascontiguousarray(x_t, self.dtype))
        taps, past, at = self.used_taps, state["past"].copy(), int(state["at"][0])
        if past.shape[1] < self.buffer_length:
            raise ValueError(
                f"the stream keeps {past.shape[1]} samples, but delays need {self.buffer_length} now; "
                "begin it again with init_state"
            )
        y = np.empty((len(x_t), self.n_in), self.dtype)
        delay_conv_loops.step(x_t, taps.delay, taps.count, taps.value, past, at, y)
        return y, {"past": past, "at": np.full(1, (at + 1) % past.shape[1])}


def keep_positions_inside(model: Sequential) -> None:
    """Cut the positions of all delay convolutions to their windows: a `constraint` of `LayerLearner`."""
    for _, layer in model.all_layers():
        if isinstance(layer, DelayConv):
            layer.constrain()


def check_positions(position: Array, window: int) -> None:
    """Refuse positions outside the window.

    Raises
    ------
    ValueError
        If one of them is.
    """
    outside = ~((position >= 0) & (position <= window - 1))
    if outside.any():
        raise ValueError(
            f"positions must be within [0, {window - 1}], the window of {window} steps, "
            f"got {position[outside].flat[0]:g}"
        )
