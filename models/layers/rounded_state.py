"""Layers that may keep their state, and use their weights, on grids of few bits.

    state[t] = Q(...)        each channel on a static grid of its own, from the values of a calibration set
    weights                  on a grid for each output, or one for all

Gradients pass the grids straight through.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.kernels import quantize as quantize_loops
from eventsim.models.layers.layer import Array, Layer, Memory
from eventsim.models.layers.quantizers import Quantizer

__all__ = ["SCALES", "RoundedState", "Rounding", "RoundingPlan", "rounded_rows", "valid_rows"]

SCALES = 64  # bits of a step and of a zero


@dataclass(frozen=True, slots=True)
class Rounding:
    """What is rounded of a layer; None leaves a part as it is.

    Attributes
    ----------
    weight : of weights and biases.
    state : of what the layer keeps from step to step, asymmetric or symmetric.

    Raises
    ------
    ValueError
        If a scheme is one of complex numbers.
    """

    weight: Quantizer | None = None
    state: Quantizer | None = None

    def __post_init__(self) -> None:
        """Check the schemes."""
        for name in ("weight", "state"):
            quantizer = getattr(self, name)
            if quantizer is not None and quantizer.scheme not in ("asymmetric", "symmetric"):
                raise ValueError(f"{name} takes an asymmetric or symmetric scheme, got {quantizer.scheme!r}")


@dataclass(frozen=True, slots=True)
class RoundingPlan:
    """How the parts of a model are rounded after training.

    Attributes
    ----------
    weights, activations, states, poles : of each part; None leaves it as it is. Poles are those of `S4D`.
    """

    weights: Quantizer | None = None
    activations: Quantizer | None = None
    states: Quantizer | None = None
    poles: Quantizer | None = None


class RoundedState(Layer):
    """A layer with a `Rounding`.

    Parameters
    ----------
    rounding : Rounding, optional
        What is rounded.

    Attributes
    ----------
    observing : bool
        While it is true, nothing is rounded, and `forward` keeps states for `calibrate`.
    """

    def __init__(self, rounding: Rounding | None = None) -> None:
        super().__init__()
        self.rounding, self.observing = rounding, False
        self._seen: list[Array] = []

    def _add_grid(self, n: int) -> None:
        """Add the grid of the states of n channels, without a range yet."""
        self._seen = []
        if self.rounding is not None and self.rounding.state is not None:
            self.buffers |= {name: np.zeros(n, self.dtype) for name in ("state_step", "state_least")}

    def rounded(self, plan: RoundingPlan) -> Self:
        """Return a copy that is rounded; it needs a calibration."""
        made = copy.deepcopy(self)
        made.rounding = Rounding(plan.weights, plan.states)
        made._add_grid(self._n_states())
        return made

    def _n_states(self) -> int:
        """Return the channels of the state."""
        return self.n_out

    @property
    def rounds_states(self) -> bool:
        """Whether states are rounded now."""
        return self.rounding is not None and self.rounding.state is not None and not self.observing

    def state_grid(self) -> Array | None:
        """Return step, 1 / step, least and most code of each channel, shape (4, n); None without rounding.

        Raises
        ------
        RuntimeError
            If it is not calibrated yet.
        """
        if not self.rounds_states:
            return None
        assert self.rounding is not None
        assert self.rounding.state is not None
        step, least = self.buffers["state_step"], self.buffers["state_least"]
        if not step.all():
            raise RuntimeError(f"the state of this {type(self).__name__} has no range yet: calibrate it")
        most = least + (2**self.rounding.state.bits - 1)
        return np.ascontiguousarray(np.stack((step, 1 / step, least, most)), self.dtype)

    def on_state_grid(self, values: Array) -> Array:
        """Return values (..., n), C-contiguous, as the layer keeps them; without rounding, themselves."""
        grid = self.state_grid()
        if grid is None or values.size == 0:
            return values
        kept = np.empty_like(values)
        step, per_step, least, most = grid
        n = values.shape[-1]
        quantize_loops.quantize(values.reshape(-1, n), step, per_step, least, most, kept.reshape(-1, n))
        return kept

    def _observe(self, states: Array, lengths: Array | None) -> None:
        """Keep states (time, batch, n) that are no padding, while observing."""
        if self.observing:
            self._seen.append(valid_rows(states, lengths).copy())

    def calibrate(self) -> None:
        """Take the ranges of states from what was seen while `observing` was set.

        Raises
        ------
        ValueError
            If nothing was seen, or not all values are finite.
        """
        seen, self._seen, self.observing = self._seen, [], False
        if self.rounding is None or self.rounding.state is None:
            return
        rows = np.concatenate(seen or [np.zeros((0, self._n_states()))])
        grid = self.rounding.state.grids(np.ascontiguousarray(rows.T, np.float64))[0]
        self.buffers["state_step"][...], self.buffers["state_least"][...] = (
            grid.step.ravel(),
            grid.least.ravel(),
        )

    def used(self) -> dict[str, Array]:
        """Return parameters as they are used: weights (..., n_in, n) and biases (n,) rounded."""
        quantizer = None if self.rounding is None or self.observing else self.rounding.weight
        if quantizer is None:
            return self.parameters
        return {name: rounded_rows(array, quantizer) for name, array in self.parameters.items()}

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits of parameters, buffers and state; see `Layer.memory`."""
        parameters, buffers, state = super().memory()
        of = self.rounding
        if of is not None and of.weight is not None:
            scales = sum(
                array.shape[-1] if array.ndim > 1 and of.weight.per == "head" else 1
                for array in self.parameters.values()
            )
            buffers = Memory(buffers.numbers + 2 * scales, buffers.bits + SCALES * scales)
            parameters = Memory(parameters.numbers, parameters.numbers * of.weight.bits)
        if of is not None and of.state is not None:
            state = Memory(state.numbers, state.numbers * of.state.bits)
        return parameters, buffers, state


def rounded_rows(array: Array, quantizer: Quantizer) -> Array:
    """Return weights (..., n_in, n) on a grid for each output, or biases (n,) on one for all."""
    exact = array.astype(np.float64)
    found = quantizer(exact.T).T if array.ndim > 1 else replace(quantizer, per="tensor")(exact)
    return np.ascontiguousarray(found, array.dtype)


def valid_rows(values: Array, lengths: NDArray[Any] | None) -> Array:
    """Return the rows of values (time, batch, n) that are no padding, shape (rows, n)."""
    if lengths is None:
        return values.reshape(-1, values.shape[2])
    return values[np.arange(len(values))[:, None] < np.asarray(lengths)]
