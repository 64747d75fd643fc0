from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
GATES: dict[str, int]

def quantize(x: Array, step: Array, per_step: Array, least: Array, most: Array, y: Array) -> None: ...
def gate(kind: int, slope: float, x: Array, y: Array) -> None: ...
def gate_back(kind: int, slope: float, x: Array, dy: Array, dx: Array) -> None: ...
