"""Types of the compiled sources of rates; see _rates.pyx."""

import numpy as np
from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.rates.ticks import Continuous

class RateInputPopulation(Continuous):
    def __init__(self, context: BuildContext) -> None: ...

class SpikeTracePopulation(Continuous):
    def __init__(self, context: BuildContext, tau_syn: float) -> None: ...

class RateSpikesPopulation(Continuous):
    def __init__(self, context: BuildContext, scale: float, keys: NDArray[np.uint64]) -> None: ...
