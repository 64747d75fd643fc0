"""Types of the compiled neurons; see _windows.pyx."""

from eventsim.models.lif._ordered import LIFNeurons
from eventsim.population import PrivateSource

class LIFPopulation(LIFNeurons):
    max_window: float
    def set_private_weight(self, source: PrivateSource, weight: float) -> None: ...
    def add_private_source(self, source: PrivateSource, weight: float, delay: float) -> None: ...
