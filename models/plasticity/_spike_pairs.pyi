"""Types of the plasticity of spike pairs; see _spike_pairs.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.synapses import ArrivalObserver, Synapses

class SpikePairs(ArrivalObserver):
    def __init__(self, synapses: Synapses, engine: Engine | None, rule: Any) -> None: ...

class InhibitoryPairs(SpikePairs): ...
