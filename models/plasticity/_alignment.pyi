"""Types of the signals of phaseless alignment; see _alignment.pyx."""

from typing import Any

from eventsim.models.plasticity.noise import OrnsteinUhlenbeck
from eventsim.rates.ticks import Continuous, TickPart

class AlignmentNoise(TickPart):
    population: Continuous
    noise: OrnsteinUhlenbeck
    def __init__(self, population: Continuous, noise: OrnsteinUhlenbeck, receptor: str) -> None: ...

class HighPass(TickPart):
    population: Continuous
    tau: float
    def __init__(self, population: Continuous, tau: float) -> None: ...

class AlignmentDecay(TickPart):
    def __init__(self, feedback: Any, decay: float, regulariser: str) -> None: ...
