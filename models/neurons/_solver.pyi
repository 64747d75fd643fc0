"""Types of the solver; see _solver.pyx."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from eventsim.models.inputs.current_sources import CurrentSource
from eventsim.models.neurons.dynamics import Dynamics
from eventsim.population import Population

class SolvedNeurons(Population):
    def __init__(
        self,
        n: int,
        name: str,
        dynamics: Dynamics,
        variables: tuple[str, ...],
        x: NDArray[Any],
        p: NDArray[Any],
        t_ref: NDArray[Any],
        tolerance: float,
        max_step: float,
        sources: Sequence[CurrentSource] = (),
        current_at: int = -1,
    ) -> None: ...
    def set_parameters(self, values: Any, engine: Any = None, time: float | None = None) -> None: ...
