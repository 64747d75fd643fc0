"""Rounding of activations to few bits in a network, and gates that a small processor computes without tables.

y = Q(x)          static: the range of a calibration set; dynamic: that of the channels at each step
dx = dy           straight through; with ``outside="zero"`` only where x is within a static range

qGELU                 y = x clip((x + 2) / 4, 0, 1)       close to GELU; the code of Q-S5
qGELU, as printed     y = x clip(x + 2, 0, 1)             a network trained with GELU does not survive it
hard sigmoid          y = clip(slope x + 1/2, 0, 1)
"""

from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.kernels import quantize as quantize_loops
from eventsim.models.layers.layer import Array, Layer, Memory
from eventsim.models.layers.quantizers import Quantizer
from eventsim.models.layers.rounded_state import SCALES, valid_rows

__all__ = ["QGELU", "FakeQuantize", "HardSigmoid"]


class FakeQuantize(Layer):
    """Rounds activations to a grid of few bits.

    Parameters
    ----------
    quantizer : Quantizer, optional
        With ``per="head"`` every channel has a range of its own. None rounds nothing.
    calibration : {"static", "dynamic"}
        Whether ranges are those of a calibration set, or of the channels of each sample and step.
    outside : {"identity", "zero"}
        The gradient where a value is outside a static range.

    Attributes
    ----------
    observing : bool
        While it is true, `forward` rounds nothing and keeps what it sees for `calibrate`.

    Raises
    ------
    ValueError
        If a setting is unknown, or the scheme is one of complex numbers.
    """

    rounded_before, rounded_after = False, False

    def __init__(
        self,
        quantizer: Quantizer | None,
        *,
        calibration: Literal["static", "dynamic"] = "static",
        outside: Literal["identity", "zero"] = "identity",
    ) -> None:
        super().__init__()
        if quantizer is not None and quantizer.scheme not in ("asymmetric", "symmetric"):
            raise ValueError(f"activations are real: a scheme that is {quantizer.scheme} does not fit them")
        if calibration not in ("static", "dynamic"):
            raise ValueError(f"calibration must be 'static' or 'dynamic', got {calibration!r}")
        if outside not in ("identity", "zero"):
            raise ValueError(f"outside must be 'identity' or 'zero', got {outside!r}")
        self.quantizer, self.calibration, self.outside = quantizer, calibration, outside
        self.observing = False
        self._seen: list[Array] = []

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make a grid without a range; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        if self.calibration == "static":
            self.buffers = {"step": np.zeros(n_in, self.dtype), "least": np.zeros(n_in, self.dtype)}
        self._seen = []
        return n_in

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits: a step and a zero of each range. See `Layer.memory`."""
        parameters, buffers, state = super().memory()
        if self.quantizer is not None and self.quantizer.per == "tensor" and self.buffers:
            buffers = Memory(2, SCALES)
        return parameters, buffers, state

    def calibrate(self, x: Array | None = None) -> None:
        """Take the range of `x` (time, batch, n_in), or of all that passed while `observing` was set.

        Raises
        ------
        ValueError
            If there are no values, or not all are finite.
        """
        seen = [x] if x is not None else self._seen
        rows = np.concatenate([each.reshape(-1, self.n_in) for each in seen] or [np.zeros((0, self.n_in))])
        self._seen, self.observing = [], False
        if self.quantizer is not None and self.calibration == "static":
            grid = self.quantizer.grids(np.ascontiguousarray(rows.T))[0]
            self.buffers["step"][...] = grid.step.ravel()
            self.buffers["least"][...] = grid.least.ravel()

    def static_grid(self) -> tuple[Array, Array, Array, Array]:
        """Return step, 1 / step, least and most code of each channel.

        Raises
        ------
        RuntimeError
            If it is not calibrated yet.
        """
        assert self.quantizer is not None
        step, least = self.buffers["step"], self.buffers["least"]
        if not step.all():
            raise RuntimeError("this FakeQuantize has no range yet: calibrate it, or ask for a dynamic range")
        most = least + (2**self.quantizer.bits - 1)
        return step, 1 / step, least, most.astype(self.dtype)

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the nearest values of the grid; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        self._tape = (x,)
        if self.observing:
            self._seen.append(valid_rows(x, lengths).copy())
        if self.observing or self.quantizer is None:
            return x
        if self.calibration == "dynamic":
            low, high = x.min(axis=-1, keepdims=True), x.max(axis=-1, keepdims=True)
            return self.quantizer.grid_of(low, high)(x).astype(self.dtype)
        y = self._empty("y", x.shape)
        rows, out = x.reshape(-1, self.n_in), y.reshape(-1, self.n_in)
        if x.size:
            quantize_loops.quantize(rows, *self.static_grid(), out)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        (x,), dy = self._taken(dy)
        self.gradients = {}
        if self.outside == "identity" or self.calibration == "dynamic" or self.quantizer is None:
            return dy
        step, _, least, most = self.static_grid()
        return np.where((x >= least * step) & (x <= most * step), dy, 0).astype(self.dtype)


class _Gate(Layer):
    """A function of each value."""

    kind = "hard_sigmoid"
    slope = 1.0

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the function of every value; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", x.shape)
        quantize_loops.gate(quantize_loops.GATES[self.kind], self.slope, x.ravel(), y.reshape(-1))
        self._tape = (x,)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        (x,), dy = self._taken(dy)
        self.gradients = {}
        dx = self._empty("dx", x.shape)
        quantize_loops.gate_back(
            quantize_loops.GATES[self.kind], self.slope, x.ravel(), dy.ravel(), dx.reshape(-1)
        )
        return dx


class QGELU(_Gate):
    """The gate of quantised state-space models in place of GELU.

    Parameters
    ----------
    form : {"code", "printed"}
        ``x clip((x + 2) / 4, 0, 1)`` of the public code, or ``x clip(x + 2, 0, 1)`` as papers print it.

    Raises
    ------
    ValueError
        If the form is unknown.
    """

    def __init__(self, form: Literal["code", "printed"] = "code") -> None:
        super().__init__()
        if form not in ("code", "printed"):
            raise ValueError(f"form must be 'code' or 'printed', got {form!r}")
        self.form = form
        self.kind = "qgelu" if form == "code" else "qgelu_printed"


class HardSigmoid(_Gate):
    """A sigmoid of three straight pieces, ``clip(slope x + 1/2, 0, 1)``.

    Parameters
    ----------
    slope : float
        Its slope within the range.

    Raises
    ------
    ValueError
        If the slope is not positive and finite.
    """

    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        if not 0 < slope < np.inf:
            raise ValueError(f"slope must be positive and finite, got {slope!r}")
        self.slope = float(slope)
