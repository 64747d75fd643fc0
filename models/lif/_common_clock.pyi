"""Types of the compiled neurons; see _common_clock.pyx."""

from collections.abc import Mapping
from typing import Any

from eventsim.engine import Engine
from eventsim.population import Population

class CommonClockNeurons(Population):
    max_window: float
    def __init__(
        self, n: int, name: str, parameters: Mapping[str, Any], first_spike_only: bool = False
    ) -> None: ...
    def rewind(self, state: dict[str, Any]) -> None: ...
    def set_parameters(
        self, parameters: Mapping[str, Any], engine: Engine | None = None, time: float | None = None
    ) -> None: ...
