"""What other packages cimport from here."""

from eventsim.synapses.observers cimport ArrivalObserver
from eventsim.synapses.synapses cimport SYNAPTIC, DelayKind, Synapses
