from eventsim.models.neurobench.event_driven import EventDrivenModel as EventDrivenModel
from eventsim.models.neurobench.rates import RateModel as RateModel
from eventsim.models.neurobench.sequences import SequenceModel as SequenceModel
from eventsim.models.neurobench.spikes import SpikeModel as SpikeModel
