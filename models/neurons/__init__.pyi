from eventsim.models.neurons.custom import CustomNeuron as CustomNeuron
from eventsim.models.neurons.nonlinear import AdEx as AdEx
from eventsim.models.neurons.nonlinear import ExponentialIF as ExponentialIF
from eventsim.models.neurons.nonlinear import Izhikevich as Izhikevich
from eventsim.models.neurons.nonlinear import QuadraticIF as QuadraticIF
from eventsim.models.neurons.oracle import check_neuron as check_neuron
from eventsim.models.neurons.oracle import integrated_spikes as integrated_spikes
from eventsim.models.neurons.qif import QIF as QIF
