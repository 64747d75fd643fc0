from eventsim.models.lif.lif import LIF as LIF
from eventsim.models.lif.lif import LIFDelta as LIFDelta
from eventsim.models.lif.multisynapse import AdaptiveLIF as AdaptiveLIF
from eventsim.models.lif.multisynapse import MultiSynapseLIF as MultiSynapseLIF
from eventsim.models.lif.receptors import AlphaSynapse as AlphaSynapse
from eventsim.models.lif.receptors import DeltaSynapse as DeltaSynapse
from eventsim.models.lif.receptors import DoubleExponentialSynapse as DoubleExponentialSynapse
from eventsim.models.lif.receptors import ExponentialSynapse as ExponentialSynapse
