from eventsim.population.neuron_model import NeuronModel as NeuronModel
from eventsim.population.neuron_model import PythonNeuron as PythonNeuron
from eventsim.population.population import OutputFilter as OutputFilter
from eventsim.population.population import Population as Population
from eventsim.population.population import PrivateSource as PrivateSource
from eventsim.population.population import Recording as Recording
from eventsim.population.population import SpikeSink as SpikeSink
