from eventsim.synapses.observers import ArrivalObserver as ArrivalObserver
from eventsim.synapses.synapses import Synapses as Synapses
