from eventsim import connect as connect
from eventsim import errors as errors
from eventsim import hardware as hardware
from eventsim import io as io
from eventsim import models as models
from eventsim import rates as rates
from eventsim import registry as registry
from eventsim import rng as rng
from eventsim import scenarios as scenarios
from eventsim import trace as trace
from eventsim.engine.engine import Engine as Engine
from eventsim.engine.engine import Event as Event
from eventsim.engine.engine import Handler as Handler
from eventsim.engine.engine import PythonHandler as PythonHandler
from eventsim.engine.reference import ReferenceEngine as ReferenceEngine
from eventsim.errors import ConfigError as ConfigError
from eventsim.errors import EventOrderError as EventOrderError
from eventsim.errors import FileFormatError as FileFormatError
from eventsim.errors import UnknownPart as UnknownPart
from eventsim.io import analysis as analysis
from eventsim.network.network import Network as Network
from eventsim.population.neuron_model import NeuronModel as NeuronModel
from eventsim.population.neuron_model import PythonNeuron as PythonNeuron
from eventsim.rates.tick_model import TickModel as TickModel
from eventsim.registry import find as find
from eventsim.registry import parts as parts
from eventsim.registry import register as register
from eventsim.scenarios.shell.reporting import report as report
from eventsim.scenarios.shell.side_by_side import compare as compare
from eventsim.scenarios.sweep import sweep as sweep
from eventsim.simulation.simulation import Simulation as Simulation
from eventsim.spike_trains.trains import SpikeTrains as SpikeTrains
from eventsim.trace import Samples as Samples
from eventsim.trace import Spikes as Spikes
from eventsim.trace import Trace as Trace

__version__: str
__all__: list[str]

def get_include() -> str: ...
