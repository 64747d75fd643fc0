"""Types of the projections of rates; see rates.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.rates.ticks import Continuous, TickPart

Array = NDArray[Any]

class RateProjection(TickPart):
    is_float64: bool
    batch: int
    dt: float
    source_lags: Array | None
    by_events: bool
    pre: Continuous
    post: Continuous
    state: dict[str, Array]
    learning_rate: float
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        weight: Array,
        bias: Array | None = None,
        *,
        ticks: int = 1,
        variable: str = "rate",
        receptor: str = "input",
        errors: bool = True,
        tau_syn: float = 0.0,
    ) -> None: ...
    def delay_sources(self, lags: Array, variable: str = "rate") -> None: ...
    def travel_by_events(self) -> None: ...
    def check_decay(self, learning_rate: float, decay: float) -> None: ...
    def learn_by(
        self,
        learning_rate: float,
        *,
        post: str = "error",
        pre: str = "",
        optimiser: str = "sgd",
        bias_factor: float = 1.0,
        decay: float = 0.0,
        momentum: float = 0.9,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None: ...
    def set_learning_rate(self, learning_rate: float) -> None: ...
    def weights(self) -> tuple[Array, Array | None]: ...
    def set_weights(self, weight: Any = None, bias: Any = None) -> None: ...

class Dense(RateProjection): ...
