import numpy as np
from numpy.typing import NDArray

def generate(
    size: int, seed: int, r_small: float, r_big: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]: ...
def classes(points: NDArray[np.float64], r_small: float, r_big: float) -> NDArray[np.int64]: ...
