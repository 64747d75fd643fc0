"""Types of synaptic scaling; see _scaling.pyx."""

from eventsim.engine import Engine
from eventsim.synapses import ArrivalObserver, Synapses

class Scaling(ArrivalObserver):
    dendritic: bool

    def __init__(self, synapses: Synapses, engine: Engine | None, rule: object) -> None: ...
