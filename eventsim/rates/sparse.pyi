"""Types of listed synapses of rates; see sparse_rates.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.rates.dense import RateProjection
from eventsim.rates.ticks import Continuous

class Sparse(RateProjection):
    pre_units: NDArray[Any]
    post_units: NDArray[Any]
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        pre_units: NDArray[Any],
        post_units: NDArray[Any],
        weight: NDArray[Any],
        bias: NDArray[Any] | None = None,
        lags: NDArray[Any] | None = None,
        axonal: bool = False,
        variable: str = "rate",
        **options: Any,
    ) -> None: ...
