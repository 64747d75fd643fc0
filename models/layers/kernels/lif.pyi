from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
SURROGATES: dict[str, int]

def forward(
    current: Array,
    alpha: Array,
    threshold: Array,
    first_v: Array,
    first_s: Array,
    v: Array,
    s: Array,
    surrogate: int,
    width: float,
    smooth: bool,
    low: int,
    high: int,
    grid: Array | None = None,
    spikes: Array | None = None,
) -> int: ...
def backward(
    ds: Array,
    alpha: Array,
    threshold: Array,
    v: Array,
    by_alpha: Array | None,
    by_threshold: Array | None,
    room: Array,
    surrogate: int,
    width: float,
    smooth: bool,
    low: int,
    high: int,
) -> None: ...
def integrate(current: Array, alpha: Array, first: Array, u: Array, low: int, high: int) -> None: ...
def integrate_back(du: Array, alpha: Array, dcurrent: Array, low: int, high: int) -> None: ...
