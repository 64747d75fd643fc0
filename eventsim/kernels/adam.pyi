from typing import Any

from numpy.typing import NDArray

def adam_step(
    parameter: NDArray[Any],
    gradient: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    steps: int,
) -> None: ...
