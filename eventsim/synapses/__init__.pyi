from eventsim.synapses.synapses import ArrivalObserver as ArrivalObserver
from eventsim.synapses.synapses import Synapses as Synapses
