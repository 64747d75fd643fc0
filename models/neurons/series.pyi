"""Types of equations that give a series; see series.pyx."""

from eventsim.models.neurons.dynamics import Dynamics

class SeriesDynamics(Dynamics):
    differentiates: bool
