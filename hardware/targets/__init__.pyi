from eventsim.hardware.targets.ideal import Ideal as Ideal
from eventsim.hardware.targets.in_the_loop import InTheLoop as InTheLoop
from eventsim.hardware.targets.simulated import SimulatedTarget as SimulatedTarget
from eventsim.hardware.targets.target import Observed as Observed
from eventsim.hardware.targets.target import Target as Target
from eventsim.spike_trains import SpikeTrains as SpikeTrains
