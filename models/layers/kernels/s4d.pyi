from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
LANES: int
FREE: int
STATIC: int
DYNAMIC: int

class Settings:
    values: tuple[Any, ...]
    def __init__(
        self,
        state: int,
        clip: float,
        limit: float,
        levels: float = 1,
        least: float = 0,
        shared: bool = True,
        widened: bool = True,
    ) -> None: ...

def forward(
    settings: Settings,
    u: Array,
    numbers: Array,
    skip: Array,
    grid: Array,
    within: Array,
    state: Array,
    kept: Array | None,
    y: Array,
    block: int,
    segment: int,
    low: int,
    high: int,
) -> None: ...
def backward(
    settings: Settings,
    u: Array,
    numbers: Array,
    skip: Array,
    grid: Array,
    within: Array,
    kept: Array,
    dy: Array,
    by_numbers: Array,
    by_skip: Array,
    du: Array,
    room: Array,
    block: int,
    segment: int,
    low: int,
    high: int,
) -> None: ...
