"""Types of the compiled neurons; see _linear.pyx."""

from collections.abc import Mapping, Sequence
from typing import Any

from eventsim.engine import Engine
from eventsim.models.inputs.current_sources import CurrentSource
from eventsim.population import Population

SHAPES: dict[str, int]

class LinearNeurons(Population):
    max_window: float
    names: tuple[str, ...]
    def __init__(
        self,
        n: int,
        name: str,
        parameters: Mapping[str, Any],
        sources: Sequence[CurrentSource] = (),
        first_spike_only: bool = False,
    ) -> None: ...
    def rewind(self, state: dict[str, Any]) -> None: ...
    def set_parameters(
        self, parameters: Mapping[str, Any], engine: Engine | None = None, time: float | None = None
    ) -> None: ...
