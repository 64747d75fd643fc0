"""Types of neurons with compartments; see _dendrites.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.population import Population

class Watcher: ...

class Dendrites(Population):
    circuits: tuple[str, ...]
    arrays: dict[str, NDArray[Any]]
    def add_watcher(self, watcher: Watcher) -> None: ...
    def circuit_of(self, receptor: int) -> int: ...
