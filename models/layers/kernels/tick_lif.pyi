import numpy as np
from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.rates.ticks import Continuous

Floats = NDArray[np.float64]

class TickLIFPopulation(Continuous):
    def __init__(
        self, context: BuildContext, alpha: Floats, threshold: Floats, constant_input: Floats, start: int
    ) -> None: ...
