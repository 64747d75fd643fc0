from eventsim.neuron_model import PythonNeuron
from eventsim.population import Population
from eventsim.trace import Floats

class PythonPopulation(Population):
    neuron: PythonNeuron
    state: Floats
    def __init__(self, n: int, name: str, neuron: PythonNeuron) -> None: ...
