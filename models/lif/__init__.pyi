from eventsim.models.lif.lif import LIF as LIF
from eventsim.models.lif.lif import LIFDelta as LIFDelta
