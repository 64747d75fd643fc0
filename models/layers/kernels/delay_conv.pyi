from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
ROOM: int

def forward(
    x: Array,
    delay: Array,
    count: Array,
    value: Array,
    window: int,
    y: Array,
    room: Array,
    low: int,
    high: int,
) -> None: ...
def backward(
    x: Array,
    delay: Array,
    count: Array,
    value: Array,
    window: int,
    dy: Array,
    dx: Array | None,
    by_value: Array,
    room: Array,
    low: int,
    high: int,
) -> None: ...
def step(x: Array, delay: Array, count: Array, value: Array, past: Array, now: int, y: Array) -> None: ...
