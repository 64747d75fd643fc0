"""Types of neurons with compartments on ticks; see _dendrite_ticks.pyx."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from eventsim.models.dendrites._tree import Tree
from eventsim.models.dendrites.population import Dendrites
from eventsim.models.inputs.current_sources import CurrentSource

class SteppedDendrites(Dendrites):
    dt: float
    def __init__(
        self,
        n: int,
        name: str,
        tree: Tree,
        values: dict[str, NDArray[Any]],
        dt: float,
        currents: Sequence[tuple[int, CurrentSource]] = (),
    ) -> None: ...
