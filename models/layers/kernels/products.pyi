from typing import Any

from numpy.typing import NDArray

def multiply(x: NDArray[Any], weight: NDArray[Any], out: NDArray[Any]) -> None: ...
def gemm(
    a: NDArray[Any], a_turned: bool, b: NDArray[Any], b_turned: bool, out: NDArray[Any], add: bool
) -> None: ...
