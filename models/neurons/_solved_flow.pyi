"""Types of the flow of neurons that a solver follows; see _solved_flow.pyx."""

from eventsim.models.neurons.dynamics import Dynamics
from eventsim.models.neurons.flow import Flow

class SolvedFlow(Flow):
    dynamics: Dynamics
    def __init__(
        self, dynamics: Dynamics, dim: int, n_parameters: int, tolerance: float, max_step: float
    ) -> None: ...
