from eventsim.spike_trains.forms import SECONDS as SECONDS
from eventsim.spike_trains.forms import Forms as Forms
from eventsim.spike_trains.forms import spike_pairs as spike_pairs
from eventsim.spike_trains.forms import spike_times as spike_times
from eventsim.spike_trains.trains import SpikeTrains as SpikeTrains
from eventsim.spike_trains.trains import lengths_of as lengths_of
from eventsim.spike_trains.trains import samples_in_a_row as samples_in_a_row
