"""Types of the compiled synapses; see synapses.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.connect.connections import Connections
from eventsim.engine.engine import Engine
from eventsim.population.population import Population, SpikeSink
from eventsim.synapses.observers import ArrivalObserver
from eventsim.trace import Floats, Ints

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
    redelayed: bool
    delays: Any
    def put_delays(self, delays: Any) -> None: ...
    def late_places(self, places: Any, arrival: Any, emitted: Any) -> tuple[Any, Any, Any]: ...
    def __init__(
        self,
        name: str,
        pre: Population,
        post: Population,
        connections: Connections | Synapses,
        receptor: int = 0,
    ) -> None: ...
    def place(self, connections: Connections | Synapses) -> None: ...
    def share(self, other: Synapses) -> None: ...
    observers: list[ArrivalObserver]
    def watch(self, observer: ArrivalObserver) -> None: ...
    def attach(self, observer: ArrivalObserver, engine: Engine | None = None) -> object: ...
    def check_changeable(self) -> None: ...
    def set_weights(self, weight: Any, in_place: bool = False) -> None: ...
    def settle(self) -> None: ...
    def tell_of_new_weights(self) -> None: ...
    def edges(self) -> tuple[Ints, Ints, Floats, Floats]: ...
