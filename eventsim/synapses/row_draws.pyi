"""Types of the draws of rows; see row_draws.pyx."""

import numpy as np
from numpy.typing import NDArray

class RowDraws:
    n_pre: int
    n_post: int
    k: int
    p: float
    autapses: bool
    expected: int
    def __init__(
        self, n_pre: int, n_post: int, key: int, k: int = -1, p: float = 0.0, autapses: bool = True
    ) -> None: ...
    def row(self, source: int) -> NDArray[np.int32]: ...
    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
