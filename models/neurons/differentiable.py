"""What a neuron model gives so that gradients of its spike times can be computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.neurons.parameter_table import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eventsim.models.neurons.flow import Flow


@dataclass(frozen=True, slots=True)
class Differentiable:
    """A population as the adjoint pass takes it.

    Attributes
    ----------
    flow : Flow
    parameters : mapping of str to float or ndarray, shape (n,)
        The first columns of a row of parameters of the flow, in their order.
    derived : tuple of str
        Names of those among them that have derivatives, which are the first; "" for one that has none.
    x : ndarray, shape (n, n_state)
        State at time 0; it does not depend on parameters.
    t_ref : float or ndarray, shape (n,)
    """

    flow: Flow
    parameters: Mapping[str, Any]
    derived: tuple[str, ...]
    x: NDArray[np.float64]
    t_ref: Any

    def rows(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return rows of parameters for the flow, shape (1 or n, n_parameters), with other `values`."""
        n = len(self.x)
        columns = [
            column if np.size(column) > 1 else np.asarray(column).reshape(-1)[0]
            for column in (values.get(key, value) for key, value in self.parameters.items())
        ]
        return self.flow.parameters(table(columns, n))
