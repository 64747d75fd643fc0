"""What other packages cimport from here."""

from eventsim.synapses.synapses cimport SYNAPTIC, ArrivalObserver, DelayKind, Synapses
