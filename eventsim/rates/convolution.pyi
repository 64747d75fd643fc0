"""Types of convolution and pooling; see convolutions.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.rates.dense import RateProjection
from eventsim.rates.ticks import Continuous

class Convolution(RateProjection):
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        weight: NDArray[Any],
        bias: NDArray[Any] | None = None,
        *,
        shape: tuple[int, int, int],
        stride: int = 1,
        pad: int = 0,
        **options: Any,
    ) -> None: ...

class ConvolutionFeedback(RateProjection):
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        weight: NDArray[Any],
        bias: NDArray[Any] | None = None,
        *,
        shape: tuple[int, int, int],
        stride: int = 1,
        pad: int = 0,
        **options: Any,
    ) -> None: ...

class Pooling(RateProjection):
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        *,
        shape: tuple[int, int, int],
        window: tuple[int, int],
        stride: int,
        largest: bool = True,
        **options: Any,
    ) -> None: ...
