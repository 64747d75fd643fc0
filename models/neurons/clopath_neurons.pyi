"""Types of the neurons of voltage-based plasticity; see clopath_neurons.pyx."""

from typing import Any

from eventsim.models.neurons._series_neurons import SeriesNeurons
from eventsim.models.neurons.series import SeriesDynamics

class ClopathEquations(SeriesDynamics): ...
class MembraneObserver: ...

class ClopathNeurons(SeriesNeurons):
    def __init__(self, n: int, name: str, dynamics: ClopathEquations, *args: Any) -> None: ...
