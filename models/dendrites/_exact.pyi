"""Types of neurons with compartments, exact; see _dendrite_exact.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.models._dendrite_tree import Tree
from eventsim.models._dendrites import Dendrites

class ExactDendrites(Dendrites):
    def __init__(self, n: int, name: str, tree: Tree, values: dict[str, NDArray[Any]]) -> None: ...
