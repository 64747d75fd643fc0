"""Types of pairs of spikes beside scaling; see _scaled_pairs.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.models.plasticity._scaling import Scaling
from eventsim.models.plasticity._spike_pairs import SpikePairs
from eventsim.synapses import Synapses

class ScaledPairs(SpikePairs):
    def __init__(self, synapses: Synapses, engine: Engine | None, rule: Any, scaling: Scaling) -> None: ...
