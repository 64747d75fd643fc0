"""A linear map with rounded weights, trained straight through the rounding.

y[t] = x[t] Q(W) + Q(b)          the weights of each output on a grid of their own, biases on one for all
dx[t] = dy[t] Q(W)^T;  dW = sum_t x[t]^T dy[t];  db = sum_t dy[t]
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from numpy.random import Generator

from eventsim.models.layers.layer import Array, Memory, State
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.quantizers import Quantizer
from eventsim.models.layers.rounded_state import SCALES, RoundingPlan, rounded_rows

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection

__all__ = ["QuantizedLinear"]


class QuantizedLinear(Linear):
    """A linear map whose weights and biases are rounded to few bits.

    Parameters
    ----------
    n_out : int
        Channels that come out.
    quantizer : Quantizer, optional
        With ``per="head"`` the weights of each output have a range of their own. None rounds nothing.
    bias, weight_range
        As those of `Linear`.

    Attributes
    ----------
    observing : bool
        While it is true, nothing is rounded.
    """

    def __init__(
        self,
        n_out: int,
        quantizer: Quantizer | None = None,
        *,
        bias: bool = True,
        weight_range: float | None = None,
    ) -> None:
        super().__init__(n_out, bias=bias, weight_range=weight_range)
        self.quantizer, self.observing = quantizer, False

    @classmethod
    def of(cls, layer: Linear, quantizer: Quantizer | None) -> Self:
        """Return a copy of a linear map that is built, with rounded weights."""
        made = cls(layer.n_out, quantizer, bias=layer.bias, weight_range=layer.weight_range)
        made.n_in, made.n_out, made.dtype, made.threads = layer.n_in, layer.n_out, layer.dtype, layer.threads
        made.parameters = {name: array.copy() for name, array in layer.parameters.items()}
        return made

    def rounded(self, plan: RoundingPlan) -> Self:
        """Return a copy that is rounded as the plan says."""
        return self.of(self, plan.weights)

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits; a step and a zero for each grid are buffers. See `Layer.memory`."""
        parameters, buffers, state = super().memory()
        if self.quantizer is None:
            return parameters, buffers, state
        grids = (self.n_out if self.quantizer.per == "head" else 1) + ("bias" in self.parameters)
        bits = parameters.numbers * self.quantizer.bits
        return Memory(parameters.numbers, bits), Memory(2 * grids, SCALES * grids), state

    def calibrate(self) -> None:
        """End observing: the ranges are those of the weights."""
        self.observing = False

    def used(self) -> dict[str, Array]:
        """Return weights and biases as they are used."""
        if self.quantizer is None or self.observing:
            return self.parameters
        return {name: rounded_rows(array, self.quantizer) for name, array in self.parameters.items()}

    @contextmanager
    def _rounded(self) -> Iterator[None]:
        trained = self.parameters
        self.parameters = self.used()
        try:
            yield
        finally:
            self.parameters = trained

    def connections(self) -> "dict[str, Connection]":
        """Return the map with its rounded weights; see `Layer.connections`."""
        with self._rounded():
            return super().connections()

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``x Q(W) + Q(b)`` of all steps; see `Layer.forward`."""
        with self._rounded():
            return super().forward(x, training=training, lengths=lengths, rng=rng)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        with self._rounded():
            return super().backward(dy, input_gradient=input_gradient)

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the output of one step; see `Layer.step`."""
        with self._rounded():
            return super().step(x_t, state)
