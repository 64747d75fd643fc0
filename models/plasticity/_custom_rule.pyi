"""Types of the rules written in Python; see _custom_rule.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.models.plasticity.spike_rule import SpikeRule
from eventsim.synapses import Synapses

class PythonRule(SpikeRule):
    rule: Any  # a CustomRule
    def __init__(self, synapses: Synapses, engine: Engine | None, rule: Any) -> None: ...
