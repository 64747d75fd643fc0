from eventsim.models.dendrites.compartments import Clamp as Clamp
from eventsim.models.dendrites.compartments import Compartment as Compartment
from eventsim.models.dendrites.compartments import Receptor as Receptor
from eventsim.models.dendrites.compartments import ThresholdEvent as ThresholdEvent
from eventsim.models.dendrites.multi_compartment import MultiCompartment as MultiCompartment
from eventsim.models.dendrites.two_compartment_rate import TwoCompartmentRate as TwoCompartmentRate
