from eventsim.scenarios.run import Run as Run
from eventsim.scenarios.running import Outcome as Outcome
from eventsim.scenarios.running import Request as Request
from eventsim.scenarios.running import RunFailed as RunFailed
from eventsim.scenarios.running import execute as execute
from eventsim.scenarios.scenario import Scenario as Scenario
