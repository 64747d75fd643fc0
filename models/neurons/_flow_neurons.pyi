"""Types of the population of neurons with closed forms; see _flow_neurons.pyx."""

from typing import Any

from numpy.typing import ArrayLike

from eventsim.models.neurons.flow import Flow
from eventsim.population import Population

class FlowNeurons(Population):
    def __init__(
        self,
        n: int,
        name: str,
        flow: Flow,
        variables: tuple[str, ...],
        x: ArrayLike,
        p: ArrayLike,
        t_ref: ArrayLike,
    ) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: Any) -> None: ...
    def set_parameters(self, values: Any, engine: Any = None, time: float | None = None) -> None: ...
