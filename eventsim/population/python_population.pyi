from eventsim.population.population import Population
from eventsim.trace import Floats

class PythonPopulation(Population):
    neuron: object  # a PythonNeuron, which knows this module
    state: Floats
    def __init__(self, n: int, name: str, neuron: object) -> None: ...
