"""Types of neurons that follow a series; see _series_neurons.pyx."""

from eventsim.models.neurons._solver import SolvedNeurons

class SeriesNeurons(SolvedNeurons): ...
