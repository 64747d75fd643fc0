"""Types of neurons with compartments, exact; see _dendrite_exact.pyx."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from eventsim.models.dendrites._tree import Tree
from eventsim.models.dendrites.population import Dendrites
from eventsim.models.inputs.current_sources import CurrentSource

class ExactDendrites(Dendrites):
    def __init__(
        self,
        n: int,
        name: str,
        tree: Tree,
        values: dict[str, NDArray[Any]],
        currents: Sequence[tuple[int, CurrentSource]] = (),
    ) -> None: ...
