"""What is quantised of a diagonal state-space model: poles, inputs, outputs, skip and states.

    A_q = Q(A_bar), B_q = Q(B_bar), C_q = Q(C), D_q = Q(D)        after discretisation; D has one range in all
    x[t] = Q(clip(A_q x[t-1] + B_q u[t]))                        clip of real and imaginary part, then grid

Gradients pass the grids straight through, and the clip where it does not act. The adjoint is cut to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from eventsim.models.layers.kernels import s4d as s4d_loops
from eventsim.models.layers.layer import Array, Memory
from eventsim.models.layers.quantizers import Grid, Quantizer
from eventsim.models.layers.rounded_state import SCALES

__all__ = ["StateSpaceQuantization"]

FULL = 32  # bits of a number that is not rounded


@dataclass(frozen=True, slots=True)
class StateSpaceQuantization:
    """How the parts of a diagonal state-space model are rounded; None leaves a part as it is.

    Parameters
    ----------
    pole, gain, output, skip : Quantizer, optional
        Of A_bar, B_bar, C and D. D is real and has one number a head, so its range is that of all heads.
    state : Quantizer, optional
        Of the state, asymmetric or symmetric.
    calibration : {"static", "dynamic"}
        Whether ranges of states are those of a calibration set, or of the modes at each sample, head, step.
    clip : float
        Largest size of real and imaginary parts of states.
    outside : {"identity", "zero"}
        The gradient where a state is outside a static range.
    gradient_limit : float
        Largest size of real and imaginary parts of the adjoint.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    pole: Quantizer | None = None
    gain: Quantizer | None = None
    output: Quantizer | None = None
    skip: Quantizer | None = None
    state: Quantizer | None = None
    calibration: Literal["static", "dynamic"] = "static"
    clip: float = 50.0
    outside: Literal["identity", "zero"] = "identity"
    gradient_limit: float = 1000.0

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.calibration not in ("static", "dynamic"):
            raise ValueError(f"calibration must be 'static' or 'dynamic', got {self.calibration!r}")
        if self.outside not in ("identity", "zero"):
            raise ValueError(f"outside must be 'identity' or 'zero', got {self.outside!r}")
        for name in ("clip", "gradient_limit"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("state", "skip"):
            quantizer = getattr(self, name)
            if quantizer is not None and quantizer.scheme not in ("asymmetric", "symmetric"):
                raise ValueError(f"{name} takes an asymmetric or symmetric scheme, got {quantizer.scheme!r}")

    def numbers(self, pole: Array, gain: Array, output: Array, skip: Array) -> tuple[Array, ...]:
        """Return A_q, B_q and C_q, shape (heads, modes), and D_q, shape (heads,)."""
        found = [
            array if quantizer is None else quantizer(array)
            for quantizer, array in ((self.pole, pole), (self.gain, gain), (self.output, output))
        ]
        skip_grid = None if self.skip is None else replace(self.skip, per="tensor")
        return (*found, skip if skip_grid is None else skip_grid(skip))

    def memory(self, heads: int, n_states: int) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits of A_bar, B_bar, C, D; of steps and zeros; of the states of one stream."""
        words = heads * n_states
        parts = ((self.pole, words), (self.gain, words), (self.output, words), (self.skip, heads))
        numbers = 3 * words + heads
        bits = sum(n * (FULL if quantizer is None else quantizer.bits) for quantizer, n in parts)
        grids = 0 if self.skip is None else 1
        for quantizer in (self.pole, self.gain, self.output, self.state):
            if quantizer is not None:
                ranges = (
                    1
                    if quantizer.range == "shared" and quantizer.scheme in ("asymmetric", "symmetric")
                    else 2
                )
                grids += ranges * (heads if quantizer.per == "head" else 1)
        kept = words * (FULL if self.state is None else self.state.bits)
        return Memory(numbers, bits), Memory(2 * grids, SCALES * grids), Memory(words, kept)

    def settings(self) -> Any:
        """Return what the loops need to know of clips and grids."""
        if self.state is None:
            return s4d_loops.Settings(s4d_loops.FREE, self.clip, self.gradient_limit)
        kind = s4d_loops.STATIC if self.calibration == "static" else s4d_loops.DYNAMIC
        symmetric, bits = self.state.scheme == "symmetric", self.state.bits
        return s4d_loops.Settings(
            kind,
            self.clip,
            self.gradient_limit,
            2 ** (bits - 1) - 1 if symmetric else 2**bits - 1,
            -(2 ** (bits - 1)) if symmetric else 0,
            self.state.range == "shared",
            self.state.zero == "included",
        )

    def state_grid(self, states: Array) -> Grid:
        """Return the grids (heads, 2) of real and imaginary parts from states (heads, any, 2)."""
        assert self.state is not None
        grids = self.state.grids(states[..., 0] + 1j * states[..., 1])
        parts = [(each.step, each.least, each.most) for each in (grids[0], grids[-1])]
        step, least, most = (np.stack([np.ravel(part[k]) for part in parts], axis=-1) for k in range(3))
        shape = (len(states), 2)
        return Grid(*(np.broadcast_to(each, shape) for each in (step, least, most)))

    def bounds(self, step: Array, least: Array, most: Array) -> Array:
        """Return the range of states within which gradients pass, (heads, 4): low, high of each part."""
        low, high = np.full(step.shape, -self.clip), np.full(step.shape, self.clip)
        if self.outside == "zero" and self.state is not None and self.calibration == "static":
            low, high = np.maximum(low, least * step), np.minimum(high, most * step)
        return np.stack((low[:, 0], high[:, 0], low[:, 1], high[:, 1]), axis=-1)
