from eventsim.network.declared import Population as Population
from eventsim.network.declared import Projection as Projection
from eventsim.network.declared import is_continuous as is_continuous
from eventsim.network.declared import is_on_hardware as is_on_hardware
from eventsim.network.declared import needs_tick as needs_tick
from eventsim.network.declared import sends_rates as sends_rates
from eventsim.network.network import Network as Network
