"""Types of the compiled sources of rates; see _rates.pyx."""

from typing import Any

from eventsim.ticks import Continuous

class RateInputPopulation(Continuous):
    def __init__(self, site: Any) -> None: ...

class SpikeTracePopulation(Continuous):
    def __init__(self, site: Any, tau_syn: float) -> None: ...
