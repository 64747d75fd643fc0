"""Types of projections with a delay for each source; see axonal.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.rates.dense import RateProjection
from eventsim.rates.ticks import Continuous

class Axonal(RateProjection):
    given: dict[str, NDArray[Any]]
    step: float
    limit: float
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Continuous,
        weight: NDArray[Any],
        bias: NDArray[Any] | None = None,
        lags: NDArray[Any] | None = None,
        variable: str = "rate",
        **options: Any,
    ) -> None: ...
    def change_by_rows(
        self,
        factor: NDArray[Any],
        change: NDArray[Any],
        first: NDArray[Any],
        which: NDArray[Any],
        no_autapses: bool,
    ) -> None: ...
    def quantize(self, step: float, limit: float) -> None: ...
