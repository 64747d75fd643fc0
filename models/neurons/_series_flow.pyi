"""Types of the flow of neurons that follow a Taylor series; see _series_flow.pyx."""

from eventsim.models.neurons._solved_flow import SolvedFlow

class SeriesFlow(SolvedFlow): ...
