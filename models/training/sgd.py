"""Stochastic gradient descent, with momentum if wanted.

v <- momentum v + g;  p <- p - learning rate v
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.parameters import one_number
from eventsim.states import check_entries

__all__ = ["SGD"]

Floats = NDArray[Any]  # float32 or float64


class SGD:
    """Stochastic gradient descent (Robbins and Monro 1951) with heavy-ball momentum (Polyak 1964).

    Parameters
    ----------
    learning_rate : float
        One for all parameters.
    momentum : float
        Part of the last step that is taken again, below 1; 0 for none.

    Attributes
    ----------
    factor : float
        By which the learning rate is multiplied at present.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0) -> None:
        self.initial_learning_rate = one_number(learning_rate, "learning_rate", low=0)
        if not one_number(momentum, "momentum", low=0) < 1:
            raise ValueError(f"momentum must be below 1, got {momentum!r}")
        self.momentum, self.factor = momentum, 1.0
        self._velocity: dict[str, Floats] = {}

    @property
    def learning_rate(self) -> float:
        """The present learning rate."""
        return self.initial_learning_rate * self.factor

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step against the gradients; changes the parameters in place.

        Raises
        ------
        UnknownPart
            If a gradient has no parameter.
        """
        for name, gradient in gradients.items():
            if name not in parameters:
                raise UnknownPart(f"no parameter named {name!r}; known: {', '.join(parameters)}")
            if self.momentum:
                velocity = self._velocity.setdefault(name, np.zeros_like(gradient))
                velocity *= velocity.dtype.type(self.momentum)
                velocity += gradient
                gradient = velocity
            value = parameters[name]
            value -= gradient.dtype.type(self.learning_rate) * gradient

    def reset(self) -> None:
        """Forget all earlier steps."""
        self._velocity = {}

    def insert(self, name: str, place: int, axis: int, n: int) -> None:
        """Make room for `n` new rows or columns of a parameter, which have no earlier steps."""
        if name in self._velocity:
            self._velocity[name] = with_zeros(self._velocity[name], place, axis, n)

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        return {"velocity": {name: each.copy() for name, each in self._velocity.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("velocity",), "an optimiser")
        self._velocity = {name: np.array(each) for name, each in state["velocity"].items()}


def with_zeros(array: Floats, place: int, axis: int, n: int) -> Floats:
    """Return a copy with `n` rows (axis 0) or columns (axis 1) of zeros before `place`."""
    zeros = np.zeros_like(array, shape=(n, array.shape[1]) if axis == 0 else (array.shape[0], n))
    before, after = np.split(array, [place], axis=axis)
    return np.ascontiguousarray(np.concatenate([before, zeros, after], axis=axis))
