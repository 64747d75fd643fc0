"""Types of reward-modulated plasticity; see _reward.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.models.plasticity.spike_rule import SpikeRule
from eventsim.population import SpikeSink
from eventsim.synapses import Synapses

class RewardPairs(SpikeRule):
    def __init__(self, synapses: Synapses, engine: Engine, rule: Any) -> None: ...

class RewardSpikes(SpikeSink):
    def __init__(self, pairs: RewardPairs) -> None: ...
