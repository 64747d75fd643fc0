"""Types of correlation sensors; see _correlations.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.models.dendrites.population import Watcher
from eventsim.population import SpikeSink
from eventsim.synapses import ArrivalObserver

class CorrelationSensors(ArrivalObserver):
    arrays: dict[str, NDArray[Any]]
    def __init__(
        self,
        target: NDArray[Any],
        n_post: int,
        tau_plus: float,
        tau_minus: float,
        amplitude_plus: float,
        amplitude_minus: float,
        ceiling: float,
    ) -> None: ...
    def stored_as(self, storage: NDArray[Any]) -> None: ...
    def clear(self, synapses: Any = ...) -> None: ...

class CircuitEvents(Watcher):
    def __init__(self, sensors: CorrelationSensors, circuit: int) -> None: ...

class SpikeEvents(SpikeSink):
    def __init__(self, sensors: CorrelationSensors) -> None: ...
