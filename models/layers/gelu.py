"""The Gaussian error linear unit.

y = x Phi(x);  dx = dy (Phi(x) + x phi(x))          Phi, phi: normal distribution and its density

"exact"   Phi(x) = (1 + erf(x / sqrt 2)) / 2
"tanh"    Phi(x) = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, several times faster; off by up to 5e-4
"""

from typing import TYPE_CHECKING, Literal

from numpy.random import Generator

from eventsim.models.layers.kernels import elementwise as elementwise_loops
from eventsim.models.layers.kernels.pieces import borders, share
from eventsim.models.layers.layer import Array, Layer

if TYPE_CHECKING:
    from eventsim.io.neurobench import Workload

__all__ = ["GELU"]


class GELU(Layer):
    """Gaussian error linear units (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    form : {"exact", "tanh"}
        By the error function, or its usual approximation.

    Raises
    ------
    ValueError
        If there is no such form.
    """

    def __init__(self, form: Literal["exact", "tanh"] = "exact") -> None:
        super().__init__()
        if form not in ("exact", "tanh"):
            raise ValueError(f"form must be 'exact' or 'tanh', got {form!r}")
        self.form = form

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``x Phi(x)``; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        y = self._empty("y", x.shape)
        values, out, exact = x.reshape(-1), y.reshape(-1), self.form == "exact"
        if x.size:
            share(
                lambda _, low, high: elementwise_loops.gelu(values[low:high], exact, out[low:high]),
                borders(x.size),
                self.threads,
            )
        self._tape = x
        return y

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report the outputs; see `Layer.report`."""
        workload.activation(place, y, "gelu")

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx; see `Layer.backward`."""
        x, dy = self._taken(dy)
        dx = self._empty("dx", x.shape)
        values, errors, into, exact = x.reshape(-1), dy.reshape(-1), dx.reshape(-1), self.form == "exact"
        if x.size:
            share(
                lambda _, low, high: elementwise_loops.gelu_back(
                    values[low:high], exact, errors[low:high], into[low:high]
                ),
                borders(x.size),
                self.threads,
            )
        return dx
