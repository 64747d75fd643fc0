from eventsim.models.inputs import encoding as encoding
from eventsim.models.inputs.interpolation import Interpolation as Interpolation
from eventsim.models.inputs.rates import RateInput as RateInput
from eventsim.models.inputs.rates import RateSpikes as RateSpikes
from eventsim.models.inputs.rates import SpikeTrace as SpikeTrace
from eventsim.models.inputs.sources import Poisson as Poisson
from eventsim.models.inputs.sources import Regular as Regular
from eventsim.models.inputs.sources import SpikeSource as SpikeSource
