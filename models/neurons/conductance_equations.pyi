"""Types of the compiled equations; see conductance_equations.pyx."""

from collections.abc import Sequence

from eventsim.models.neurons.dynamics import Dynamics

class ConductanceEquations(Dynamics):
    def __init__(self, chained: Sequence[bool]) -> None: ...
