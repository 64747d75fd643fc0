"""Types of reward-modulated plasticity; see _reward.pyx."""

from typing import Any

from eventsim.engine import Engine
from eventsim.models.plasticity._spike_pairs import SpikePairs
from eventsim.synapses import Synapses
from eventsim.trace import Floats

class RewardPairs(SpikePairs):
    def __init__(self, synapses: Synapses, engine: Engine | None, rule: Any) -> None: ...
    def kept_rewards(self) -> Floats: ...
