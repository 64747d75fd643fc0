"""Types of the compiled sources of rates; see _rates.pyx."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.rates.ticks import Continuous

class RateInputPopulation(Continuous):
    def __init__(self, site: Any) -> None: ...

class SpikeTracePopulation(Continuous):
    def __init__(self, site: Any, tau_syn: float) -> None: ...

class RateSpikesPopulation(Continuous):
    def __init__(self, site: Any, scale: float, keys: NDArray[np.uint64]) -> None: ...
