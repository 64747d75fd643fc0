"""Types of voltage-based plasticity; see _voltage.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.models.plasticity.spike_rule import SpikeRule
from eventsim.synapses import Synapses

class VoltageTraces(SpikeRule):
    def __init__(self, synapses: Synapses, engine: Engine, rule: Any) -> None: ...
