"""Types of the compiled synapses; see synapses.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.connections import Connections
from eventsim.population import Population, SpikeSink
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
    def __init__(
        self, name: str, pre: Population, post: Population, connections: Connections, receptor: int = 0
    ) -> None: ...
    def place(self, connections: Connections) -> None: ...
    def watch(self, observer: Any) -> None: ...
    def set_weights(self, weight: Any, in_place: bool = False) -> None: ...
    def edges(self) -> tuple[Ints, Ints, Floats, Floats]: ...
