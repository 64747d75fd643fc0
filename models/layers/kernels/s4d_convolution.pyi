from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
LANES: int

def convolve(
    u: Array, kernel: Array, skip: Array, turns: Array, y: Array, room: Array, block: int
) -> None: ...
def convolve_back(
    u: Array,
    kernel: Array,
    skip: Array,
    turns: Array,
    dy: Array,
    du: Array,
    by_kernel: Array,
    by_skip: Array,
    room: Array,
    block: int,
) -> None: ...
def kernel(pole: Array, factor: Array, out: Array, room: Array) -> None: ...
def kernel_back(pole: Array, by_kernel: Array, by_factor: Array, by_pole: Array, room: Array) -> None: ...
