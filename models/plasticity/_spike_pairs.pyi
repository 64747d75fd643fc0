"""Types of the plasticity of spike pairs; see _spike_pairs.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.population import SpikeSink
from eventsim.synapses import Synapses

class SpikePairs:
    def __init__(self, synapses: Synapses, engine: Engine, rule: Any) -> None: ...

class TargetSpikes(SpikeSink):
    def __init__(self, pairs: SpikePairs) -> None: ...
