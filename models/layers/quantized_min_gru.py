"""Minimal gated recurrent units with few bits, as a circuit of unit capacitors computes them.

Forward, for t = 1 ... T, from h[0] = 0; D is the number of rows of the core that the sums are divided by:

    u[t] = (s / D) x[t] W_z + b_z + 1/2          input of the gate; s is the slope
    z[t] = Q(clip(u[t], 0, 1))                   Q: code k = clip(floor(64 u + 1/2), 0, 63), z = k / 64
    c[t] = (1 / D) x[t] W_h                      candidate, an average as charge sharing gives it
    h[t] = (1 - z[t]) h[t-1] + z[t] c[t]
    y[t] = 1 where h[t] > theta, else 0          strictly, so that a state at rest does not fire

Weights have 2 bits (four levels), b_z and theta 6 bits (multiples of 1/32 and 1/128). What is trained are
latent numbers that are rounded in each forward pass.

Backward, straight through all roundings, for t = T ... 1, from lambda[T+1] = 0:

    dh[t] = dy[t] tri(h[t] - theta),  tri(d) = max(0, 1 - |d| / w) / w;  dtheta = -sum dy tri
    lambda[t] = dh[t] + (1 - z[t+1]) lambda[t+1];  dc[t] = lambda[t] z[t]
    du[t] = lambda[t] (c[t] - h[t-1])  where 0 < u < 1, else 0;  db_z = sum du
    dW_z = (s / D) sum x^T du;  dW_h = (1 / D) sum x^T dc;  dx = (s / D) du W_z^T + (1 / D) dc W_h^T

Each constraint can be left out: real outputs, a sigmoid of the same slope as gate, gates, weights and biases
that are not rounded. Without roundings and with ``output="smooth"`` (the integral of tri, two parabolas) the
backward pass is the derivative of the forward pass.

Billaudelle et al. 2025, MINIMALIST (arXiv 2505.08599). Bits of weights, biases, gates and outputs are the
paper's. Its full text was not at hand: levels, grids, and how rows swap are our reconstruction.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import gated_average as loops
from eventsim.models.layers.kernels import products
from eventsim.models.layers.kernels.blas import one_blas_thread
from eventsim.models.layers.kernels.pieces import borders, of_threads, share
from eventsim.models.layers.layer import Array, Layer, Memory, State
from eventsim.models.layers.level_grids import checked_levels, fixed_point, fixed_range, nearest_level
from eventsim.models.layers.linear import column_sums, map_backward

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload
    from eventsim.models.layers.rounded_state import RoundingPlan

__all__ = ["TIE", "QuantizedMinGRU"]

# States and thresholds are rational numbers that are often equal. How much more a state must be to count as
# more, so that rounding does not decide; far below the distance of two states that differ.
TIE, TIE_SINGLE = 1e-9, 1e-6
THIRDS = (-1.0, -1 / 3, 1 / 3, 1.0)
RANGES = {"output": ("binary", "smooth", "tanh", "state"), "gate_function": ("hard", "sigmoid")}
RANGES |= {"rounding": ("nearest", "floor"), "unused": ("repeat", "idle", "exact")}


class QuantizedMinGRU(Layer):
    """Minimal gated recurrent units with few bits.

    Parameters
    ----------
    n_out : int, optional
        Units, the columns of the core; as many as channels come in unless given.
    output : {"binary", "smooth", "tanh", "state"}
        What goes on to the next layer: ``h > theta``, where equal but for rounding is not more; its smooth
        counterpart; ``tanh((h - theta) / width)``; or `gain` times h.
    gate_function : {"hard", "sigmoid"}
        ``clip(u, 0, 1)``, or ``sigmoid(4 (u - 1/2))``, which has the same slope in the middle.
    gate_bits : int, optional
        Of the code of a hard gate; None leaves it real.
    rounding : {"nearest", "floor"}
        Of the code: ``floor(64 u + 1/2)``, or ``floor(64 u)`` as of a converter without half a step added.
    levels : sequence of float, optional
        Of a weight; None leaves weights real, within -1 and 1.
    bias_bits : int, optional
        Of gate biases and thresholds; None leaves them real.
    bias_step, threshold_step : float
        Distances of two gate biases (in units of z) and of two thresholds (in units of h).
    slope : float
        s, of the gate.
    rows : int
        Of the core, at least as many as there are inputs.
    unused : {"repeat", "idle", "exact"}
        What the other rows do. "repeat": each input drives ``rows / n_in`` rows where that is a whole number,
        else as "idle". "idle": they stay at the reference, and sums are divided by `rows`. "exact": the core
        has `n_in` rows, and a code swaps the nearest number of rows.
    width : float
        w, of the surrogate.
    gain : float
        By which states are multiplied as outputs.
    gate_bias : (float, float)
        Gate biases start uniform in this range.

    Raises
    ------
    ValueError
        If a setting is out of its range, or there are more inputs than rows.
    """

    def __init__(
        self,
        n_out: int | None = None,
        *,
        output: Literal["binary", "smooth", "tanh", "state"] = "binary",
        gate_function: Literal["hard", "sigmoid"] = "hard",
        gate_bits: int | None = 6,
        rounding: Literal["nearest", "floor"] = "nearest",
        levels: Sequence[float] | None = THIRDS,
        bias_bits: int | None = 6,
        bias_step: float = 1 / 32,
        threshold_step: float = 1 / 128,
        slope: float = 6.0,
        rows: int = 64,
        unused: Literal["repeat", "idle", "exact"] = "repeat",
        width: float = 0.15,
        gain: float = 1.0,
        gate_bias: tuple[float, float] = (-0.45, 0.3),
    ) -> None:
        super().__init__()
        choices = {"output": output, "gate_function": gate_function, "rounding": rounding, "unused": unused}
        for name, choice in choices.items():
            if choice not in RANGES[name]:
                raise ValueError(f"{name} must be one of {', '.join(RANGES[name])}, got {choice!r}")
        for name, bits in (("gate_bits", gate_bits), ("bias_bits", bias_bits)):
            if bits is not None and not 1 <= bits <= 16:
                raise ValueError(f"{name} must be 1 to 16, or None for real numbers, got {bits!r}")
        if gate_function == "sigmoid" and gate_bits is not None:
            raise ValueError(
                "a gate that is a sigmoid is not rounded: set gate_bits=None, or gate_function='hard'"
            )
        if rows < 1 or (n_out is not None and n_out < 1):
            raise ValueError(f"rows and n_out must be at least 1, got {rows!r} and {n_out!r}")
        numbers = {"slope": slope, "width": width, "gain": gain}
        for name, value in (numbers | {"bias_step": bias_step, "threshold_step": threshold_step}).items():
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be positive and finite, got {value!r}")
        low, high = gate_bias
        if not -np.inf < low <= high < np.inf:
            raise ValueError(f"gate_bias must be a range (low, high) of finite numbers, got {gate_bias!r}")
        self.n_to, self.output = n_out, output
        self.gate_function, self.gate_bits = gate_function, gate_bits
        self.rounding, self.bias_bits, self.slope, self.rows = rounding, bias_bits, float(slope), rows
        self.levels = None if levels is None else checked_levels(levels)
        self.bias_step, self.threshold_step = float(bias_step), float(threshold_step)
        self.unused, self.width, self.gain = unused, float(width), float(gain)
        self.gate_bias = (float(low), float(high))

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw weights uniform in -1 to 1, and gate biases; thresholds start at 0; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        if n_in > self.rows:
            raise ValueError(
                f"a core of {self.rows} rows cannot take {n_in} inputs; use fewer inputs or more rows"
            )
        self.n_out = self.n_to or n_in
        shape = (n_in, self.n_out)
        drawn = {
            "gate_weight": rng.uniform(-1, 1, shape),
            "gate_bias": rng.uniform(*self.gate_bias, self.n_out),
            "weight": rng.uniform(-1, 1, shape),
        }
        if self.output != "state":
            drawn["threshold"] = np.zeros(self.n_out)
        self.parameters = {name: array.astype(self.dtype) for name, array in drawn.items()}
        return self.n_out

    @property
    def core_rows(self) -> int:
        """Rows of the core."""
        return self.n_in if self.unused == "exact" else self.rows

    @property
    def repeats(self) -> int:
        """Rows that each input drives."""
        return self.rows // self.n_in if self.unused == "repeat" and self.rows % self.n_in == 0 else 1

    @property
    def divisor(self) -> int:
        """What sums over inputs are divided by."""
        return self.core_rows // self.repeats

    @property
    def rounded_after(self) -> bool:  # type: ignore[override]  # spikes need no quantiser
        """Whether rounding after training puts a quantiser behind it: not where outputs are 0 or 1."""
        return self.output != "binary"

    def rounded(self, plan: "RoundingPlan") -> Self:
        """Return a copy: the grids are those of the circuit, whatever the plan, and states stay analog.

        Raises
        ------
        ValueError
            If the plan rounds weights, and this layer leaves weights or biases real.
        """
        if plan.weights is not None and (self.levels is None or self.bias_bits is None):
            raise ValueError(
                "QuantizedMinGRU leaves weights or biases real, and is rounded to the grids of its circuit "
                "only; make it with levels and bias_bits"
            )
        return copy.deepcopy(self)

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits, of weights by their levels; see `Layer.memory`."""
        parameters, buffers, state = super().memory()
        bits = 0
        for name, array in self.parameters.items():
            each = 8 * array.itemsize
            if "weight" in name and self.levels is not None:
                each = (len(self.levels) - 1).bit_length()
            elif "weight" not in name and self.bias_bits is not None:
                each = self.bias_bits
            bits += each * array.size
        return Memory(parameters.numbers, bits), buffers, state

    def clip_latent(self) -> None:
        """Bring latent numbers back into the range of their grids, in place, as after each training step."""
        own = self.parameters
        for name in ("gate_weight", "weight"):
            np.clip(own[name], -1, 1, out=own[name])
        for name, step in (("gate_bias", self.bias_step), ("threshold", self.threshold_step)):
            if self.bias_bits is not None and name in own:
                np.clip(own[name], *fixed_range(step, self.bias_bits), out=own[name])

    def used(self) -> dict[str, Array]:
        """Return the parameters as they are used, rounded, in float64."""
        found = {name: array.astype(np.float64) for name, array in self.parameters.items()}
        if self.levels is not None:
            for name in ("gate_weight", "weight"):
                found[name] = np.asarray(self.levels)[nearest_level(found[name], self.levels)]
        if self.bias_bits is not None:
            for name, step in (("gate_bias", self.bias_step), ("threshold", self.threshold_step)):
                if name in found:
                    found[name] = fixed_point(found[name], step, self.bias_bits)
        return found

    def _rounded(self) -> tuple[Array, Array, Array]:
        """Return weights of gates and candidates side by side with their factors, offsets, thresholds."""
        used = self.used()
        by_row = 1.0 / self.divisor
        weight = np.concatenate((self.slope * by_row * used["gate_weight"], by_row * used["weight"]), axis=1)
        offset = np.concatenate((used["gate_bias"] + 0.5, np.zeros(self.n_out)))
        threshold = used.get("threshold", np.zeros(self.n_out))
        return weight.astype(self.dtype), offset.astype(self.dtype), threshold.astype(self.dtype)

    def _gate(self) -> loops.Gate:
        levels = 0.0 if self.gate_bits is None else float(2**self.gate_bits)
        return loops.Gate(
            self.gate_function == "sigmoid", levels, 0.5 * (self.rounding == "nearest"), self.core_rows
        )

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the outputs of all steps; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        first = np.zeros((x.shape[1], self.n_out), self.dtype)
        weight, offset, threshold = self._rounded()
        pre, z, h = self._run(x, first, weight, offset, training)
        self._tape = x, first, pre, z, h, weight, threshold
        return self._outputs(h, threshold)

    def observe(self, z: Array, h: Array) -> None:
        """Let gates and states that a circuit had take the place of those of the last forward pass.

        The next backward pass is then that of the software at the observed trajectory.
        """
        if self._tape is None:
            raise RuntimeError("observe needs a forward pass before it")
        x, first, pre, own_z, own_h, weight, threshold = self._tape
        own_z[...], own_h[...] = z, h
        self._tape = x, first, pre, own_z, own_h, weight, threshold

    def gates_and_states(self, x: Array) -> tuple[Array, Array]:
        """Return gates z and states h of all steps, shape (time, batch, n_out), without a tape."""
        x = self._checked(x)
        weight, offset, _ = self._rounded()
        first = np.zeros((x.shape[1], self.n_out), self.dtype)
        _, z, h = self._run(x, first, weight, offset, training=False)
        return z, h

    def _run(
        self, x: Array, first: Array, weight: Array, offset: Array, training: bool
    ) -> tuple[Array, Array, Array]:
        steps, batch, n_in = x.shape
        pre = self._empty("pre", (steps, batch, 2 * self.n_out))
        z, h = (self._empty(name, (steps, batch, self.n_out)) for name in ("z", "h"))
        rows, out, gate = x.reshape(-1, n_in), pre.reshape(-1, 2 * self.n_out), self._gate()

        def product(piece: int, low: int, high: int) -> None:
            out[low:high] = offset
            if training:
                products.gemm(rows[low:high], False, weight, False, out[low:high], True)
            else:
                products.multiply(rows[low:high], weight, out[low:high])

        def loop(piece: int, low: int, high: int) -> None:
            loops.forward(pre, first, z, h, gate, low, high)

        if x.size:
            with one_blas_thread():
                share(product, borders(len(rows)), self.threads)
            share(loop, of_threads(batch, self.threads), self.threads)
        return pre, z, h

    def _outputs(self, h: Array, threshold: Array) -> Array:
        found: Array
        if self.output == "state":
            found = h * self.dtype.type(self.gain)
            return found
        if self.output == "binary":
            margin = self.dtype.type(TIE if self.dtype == np.float64 else TIE_SINGLE)
            found = (h - threshold > margin).astype(self.dtype)
            return found
        r = (h - threshold) / self.dtype.type(self.width)
        if self.output == "tanh":
            found = np.tanh(r)
            return found
        r = np.clip(r, -1, 1)
        found = np.where(r < 0, (1 + r) ** 2 / 2, 1 - (1 - r) ** 2 / 2)
        return found

    def _slopes(self, h: Array, threshold: Array) -> Array:
        """Return dy/dh, or what replaces it."""
        width = self.dtype.type(self.width)
        if self.output == "tanh":
            found: Array = (1 - np.tanh((h - threshold) / width) ** 2) / width
            return found
        found = np.abs(h - threshold)
        found *= -1 / width
        found += 1
        np.maximum(found, 0, out=found)
        found /= width
        return found

    def connections(self) -> "dict[str, Connection]":
        """Return the rounded maps of gates and of candidates; see `Layer.connections`."""
        from eventsim.io.neurobench import Dense

        used = self.used()
        return {name: Dense(used[name]) for name in ("gate_weight", "weight")}

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report both maps, the outputs, and the two products of the update; see `Layer.report`."""
        for name in ("gate_weight", "weight"):
            workload.connection(f"{name}/{place}", x)
        workload.activation(place, y, self.output)
        workload.add("ElementwiseOperations", 2 * y.size)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients, straight through all roundings; see `Layer.backward`."""
        (x, first, pre, z, h, weight, threshold), dy = self._taken(dy)
        rows, cuts, n = x.reshape(-1, self.n_in), borders(x.shape[0] * x.shape[1]), self.n_out
        if self.output == "state":
            dh = dy * self.dtype.type(self.gain)
        else:
            dh = dy * self._slopes(h, threshold)
        carry, gate = np.zeros_like(first), self._gate()

        def loop(piece: int, low: int, high: int) -> None:
            loops.backward(dh, first, h, z, pre, carry, gate, low, high)

        if x.size:
            share(loop, of_threads(x.shape[1], self.threads), self.threads)
        errors = pre.reshape(-1, 2 * n)
        dx = self._empty("dx", x.shape) if input_gradient else None
        parts = self._empty("parts", (len(cuts) - 1, *weight.shape))
        by_weight = map_backward(rows, errors, weight, cuts, self.threads, parts, dx)
        self.gradients = {
            "gate_weight": by_weight[:, :n] * self.dtype.type(self.slope / self.divisor),
            "gate_bias": column_sums(errors, cuts, self.threads)[:n].copy(),
            "weight": by_weight[:, n:] * self.dtype.type(1 / self.divisor),
        }
        if self.output != "state":
            self.gradients["threshold"] = -column_sums(dh.reshape(-1, n), cuts, self.threads)
        return dx

    def init_state(self, batch: int) -> State:
        """Return the states before the first step, shape (batch, n_out)."""
        return {"h": np.zeros((batch, self.n_out), self.dtype)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the outputs of one step, to the bits of `forward`; see `Layer.step`."""
        x_t = np.ascontiguousarray(x_t, self.dtype)
        weight, offset, threshold = self._rounded()
        pre = np.tile(offset, (len(x_t), 1))
        z, h = (np.empty((1, len(x_t), self.n_out), self.dtype) for _ in range(2))
        products.multiply(x_t, weight, pre)
        loops.forward(pre[None], state["h"], z, h, self._gate(), 0, len(x_t))
        return self._outputs(h[0], threshold), {"h": h[0]}
