"""Types of the compiled sources; see _renewal.pyx."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray

from eventsim.models.inputs._sources import PoissonPopulation

class DrawnPopulation(PoissonPopulation): ...

class RenewalPopulation(DrawnPopulation):
    def __init__(
        self,
        n: int,
        name: str,
        key: NDArray[Any],
        starts: NDArray[Any],
        rate: NDArray[Any],
        slope: NDArray[Any],
        period: float = ...,
        shape: ArrayLike = ...,
        dead: ArrayLike = ...,
        stationary: bool = ...,
    ) -> None: ...

class ThinnedPopulation(DrawnPopulation):
    def __init__(
        self,
        n: int,
        name: str,
        key: NDArray[Any],
        function: Callable[..., Any],
        highest: float,
        stop: float,
        per_hertz: float,
        by_unit: bool,
    ) -> None: ...

class PatternPopulation(DrawnPopulation):
    def __init__(
        self,
        n: int,
        name: str,
        key: NDArray[Any],
        start: ArrayLike,
        period: ArrayLike,
        jitter: ArrayLike,
        interval: ArrayLike,
        gap: ArrayLike,
        n_spikes: int,
        number: int,
    ) -> None: ...
