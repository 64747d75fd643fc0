"""Types of rates that act on spiking neurons; see rate_deliveries.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.population.population import Population
from eventsim.rates.ticks import Continuous, TickPart

class RateDelivery(TickPart):
    def __init__(
        self,
        name: str,
        pre: Continuous,
        post: Population,
        pre_units: NDArray[Any],
        post_units: NDArray[Any],
        weight: NDArray[Any],
        delay: float,
    ) -> None: ...
