"""Types of the memory of a thread and of its sums; see _workspace.pyx."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

class Sums:
    weights: Floats
    delays: Floats
    parameters: Floats
    def __init__(self, n_synapses: int, n_parameters: int) -> None: ...
    def clear(self) -> None: ...
    def add(self, other: Sums) -> None: ...
    def finite(self) -> bool: ...

class WorkSpace:
    def __init__(self, n_groups: int, n_links: int, n_units: int, largest: int, n_guarded: int) -> None: ...
