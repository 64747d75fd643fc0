from eventsim.rates.images import convolution as convolution
from eventsim.rates.images import max_pool as max_pool
from eventsim.rates.images import mean_pool as mean_pool
from eventsim.rates.tick_model import TickModel as TickModel
