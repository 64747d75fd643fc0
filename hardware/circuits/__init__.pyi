from eventsim.hardware.circuits.circuit import Circuit as Circuit
from eventsim.hardware.circuits.circuit import CircuitTraces as CircuitTraces
from eventsim.hardware.circuits.core import Core as Core
from eventsim.hardware.circuits.in_the_loop import CircuitInTheLoop as CircuitInTheLoop
from eventsim.hardware.circuits.manufacture import CoreTrims as CoreTrims
from eventsim.hardware.circuits.manufacture import ManufacturedCore as ManufacturedCore
from eventsim.hardware.circuits.manufacture import manufactured as manufactured
from eventsim.hardware.circuits.trims import calibrated_trims as calibrated_trims
