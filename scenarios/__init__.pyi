from eventsim.scenarios.scenario import Run as Run
from eventsim.scenarios.scenario import Scenario as Scenario
