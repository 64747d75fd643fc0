"""Types of the compiled schedules; see schedules.pyx."""

from collections.abc import Callable, Sequence
from typing import Any

from eventsim.population.population import Population
from eventsim.synapses.synapses import Synapses

class Sweeps:
    now: float
    width: float
    first_width: float
    origin: float
    in_flight: dict[str, Any]
    runners: list[Any]
    window: int
    estimate: Callable[[float, float], float] | None
    def __init__(
        self,
        populations: Sequence[tuple[Population, bool]],
        synapses: Sequence[Synapses],
        width: float,
        estimate: Callable[[float, float], float] | None = None,
    ) -> None: ...
    def settle(self) -> None: ...
    def narrow(self, width: float) -> None: ...
    def read(self, function: Callable[[], Any]) -> Any: ...
    def run(self, until: float) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def rewind(self) -> bool: ...
