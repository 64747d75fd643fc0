"""Types of the interface of neurons with derivatives; see flow.pyx."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Flow:
    dim: int
    n_state: int
    n_derived: int
    n_parameters: int
    closed: bool
    def parameters(self, values: ArrayLike) -> NDArray[np.float64]: ...
    def propagate(
        self, x: ArrayLike, p: ArrayLike, t: float, end: float, held: bool = False
    ) -> tuple[float, NDArray[np.float64], bool, NDArray[np.float64], NDArray[np.float64]]: ...
