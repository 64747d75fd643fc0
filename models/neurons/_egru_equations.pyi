"""Types of the equations of event-based gated recurrent units; see _egru_equations.pyx."""

from eventsim.models.neurons.dynamics import Dynamics

class EGRUEquations(Dynamics): ...
