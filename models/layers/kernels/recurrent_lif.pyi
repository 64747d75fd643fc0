from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

def forward(
    current: Array,
    recurrent: Array,
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
) -> None: ...
def backward(
    ds: Array,
    turned: Array,
    alpha: Array,
    threshold: Array,
    v: Array,
    by_alpha: Array | None,
    by_threshold: Array | None,
    lam: Array,
    room: Array,
    surrogate: int,
    width: float,
    smooth: bool,
    low: int,
    high: int,
) -> None: ...
