from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

class Kernel:
    n_populations: int
    n_sources: int
    n_layers: int
    n_threads: int
    n_samples: int
    gradients: list[Floats]
    times: list[Floats]

    def __init__(
        self,
        sizes: Sequence[int],
        n_sources: int,
        layers: Sequence[tuple[tuple[float, float, float, float], Sequence[tuple[int, int]], Floats]],
        n_threads: int,
    ) -> None: ...
    def reserve(self, n_samples: int) -> None: ...
    def load(self, k: int, link: int, weight: Floats, measured: bool) -> None: ...
    def forward(self, thread: int, low: int, high: int) -> None: ...
    def backward(self, max_dw_norm: float, measured: bool, thread: int, low: int, high: int) -> None: ...
    def set_error(self, n_samples: int, errors: Mapping[int, Floats]) -> None: ...
    def error(self, k: int, n_samples: int) -> Floats: ...
    def rows_to_sum(self, k: int) -> int: ...
    def sum_gradient(
        self, k: int, n_samples: int, measured: bool, thread: int, low: int, high: int
    ) -> None: ...
