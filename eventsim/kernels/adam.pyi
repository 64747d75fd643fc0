import numpy as np
from numpy.typing import NDArray

def adam_step(
    parameter: NDArray[np.float64],
    gradient: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    steps: int,
) -> None: ...
