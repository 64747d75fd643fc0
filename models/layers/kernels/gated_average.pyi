from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

class Gate:
    soft: bool
    levels: float
    half: float
    rows: float
    def __init__(self, soft: bool, levels: float, half: float, rows: float) -> None: ...

def forward(pre: Array, first: Array, z: Array, h: Array, gate: Gate, low: int, high: int) -> None: ...
def backward(
    dh: Array, first: Array, h: Array, z: Array, pre: Array, carry: Array, gate: Gate, low: int, high: int
) -> None: ...
