"""Types of short-term plasticity; see _short_term.pyx."""

from eventsim.engine import Engine
from eventsim.models.plasticity.spike_rule import SpikeRule
from eventsim.synapses import Synapses
from eventsim.trace import Floats

class ShortTerm(SpikeRule):
    def __init__(
        self,
        synapses: Synapses,
        engine: Engine | None,
        utilization: Floats,
        tau_rec: Floats,
        tau_fac: Floats,
    ) -> None: ...
