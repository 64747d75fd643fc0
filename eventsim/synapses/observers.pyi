"""Types of the observers of synapses; see observers.pyx."""

from typing import Any

from eventsim.engine.engine import Engine
from eventsim.population.population import SpikeSink

class ArrivalObserver:
    scales: bool
    modulator: str | None
    def __init__(self, engine: Engine | None = None) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def check_state(self, state: Any, time: float | None = None) -> Any: ...
    def restore(self, state: Any) -> None: ...

class ObservedSpikes(SpikeSink):
    observer: ArrivalObserver
    def __init__(self, observer: ArrivalObserver) -> None: ...

class ModulatorSpikes(SpikeSink):
    observer: ArrivalObserver
    def __init__(self, observer: ArrivalObserver) -> None: ...
