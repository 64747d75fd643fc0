from eventsim.schedules.schedules import Sweeps as Sweeps
