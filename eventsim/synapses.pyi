"""Types of the compiled synapses; see synapses.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.connections import Connections
from eventsim.engine import Engine
from eventsim.population import Population, SpikeSink
from eventsim.trace import Floats, Ints

class ArrivalObserver:
    scales: bool
    def __init__(self, engine: Engine | None = None) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def check_state(self, state: Any, time: float | None = None) -> Any: ...
    def restore(self, state: Any) -> None: ...

class ObservedSpikes(SpikeSink):
    observer: ArrivalObserver
    def __init__(self, observer: ArrivalObserver) -> None: ...

class Synapses(SpikeSink):
    name: str
    pre: Population
    post: Population
    n: int
    arrays: dict[str, NDArray[Any]]
    nbytes: int
    min_delay: float
    max_delay: float
    receptor: int
    def __init__(
        self, name: str, pre: Population, post: Population, connections: Connections, receptor: int = 0
    ) -> None: ...
    def place(self, connections: Connections) -> None: ...
    observers: list[ArrivalObserver]
    def watch(self, observer: ArrivalObserver) -> None: ...
    def attach(self, observer: ArrivalObserver, engine: Engine | None = None) -> object: ...
    def check_changeable(self) -> None: ...
    def set_weights(self, weight: Any, in_place: bool = False) -> None: ...
    def edges(self) -> tuple[Ints, Ints, Floats, Floats]: ...
