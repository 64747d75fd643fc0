"""Types of the synapses that are drawn at each spike; see procedural_synapses.pyx."""

from eventsim.synapses.synapses import Synapses

class ProceduralSynapses(Synapses): ...
