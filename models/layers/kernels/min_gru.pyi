from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

def forward(
    pre: Array,
    first: Array,
    h: Array,
    positive: bool,
    low: int,
    high: int,
    grid: Array | None = None,
) -> None: ...
def backward(
    dh: Array, first: Array, h: Array, pre: Array, carry: Array, positive: bool, low: int, high: int
) -> None: ...
