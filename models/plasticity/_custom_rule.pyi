"""Types of the rules written in Python; see _custom_rule.pyx."""

from eventsim.engine import Engine
from eventsim.models.plasticity.custom_rule import CustomRule
from eventsim.models.plasticity.spike_rule import SpikeRule
from eventsim.synapses import Synapses

class PythonRule(SpikeRule):
    rule: CustomRule
    def __init__(self, synapses: Synapses, engine: Engine | None, rule: CustomRule) -> None: ...
