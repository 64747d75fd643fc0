"""Types of dendritic prediction; see _dendritic_prediction.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.rates.axonal import Axonal
from eventsim.rates.ticks import TickPart

class DendriticPredictionPart(TickPart):
    projection: Axonal
    state: dict[str, NDArray[Any]]
    rates: NDArray[Any]
    def __init__(
        self, projection: Axonal, rates: NDArray[Any], tau: float, gain: float, post: str
    ) -> None: ...
    def stop(self, stopped: bool = True) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
