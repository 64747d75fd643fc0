from eventsim.scenarios.sweep.points import Draw as Draw
from eventsim.scenarios.sweep.sweeping import Sweep as Sweep
from eventsim.scenarios.sweep.sweeping import open_sweep as open_sweep
from eventsim.scenarios.sweep.sweeping import sweep as sweep
