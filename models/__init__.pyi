from eventsim.models import dendrites as dendrites
from eventsim.models import gradients as gradients
from eventsim.models import inputs as inputs
from eventsim.models import layers as layers
from eventsim.models import lif as lif
from eventsim.models import plasticity as plasticity
from eventsim.models import prospective as prospective
from eventsim.models import training as training
from eventsim.models.dendrites.compartments import Clamp as Clamp
from eventsim.models.dendrites.compartments import Compartment as Compartment
from eventsim.models.dendrites.compartments import Receptor as Receptor
from eventsim.models.dendrites.compartments import ThresholdEvent as ThresholdEvent
from eventsim.models.dendrites.multi_compartment import MultiCompartment as MultiCompartment
from eventsim.models.dendrites.two_compartment_rate import TwoCompartmentRate as TwoCompartmentRate
from eventsim.models.inputs import encoding as encoding
from eventsim.models.inputs.rates import RateInput as RateInput
from eventsim.models.inputs.rates import RateSpikes as RateSpikes
from eventsim.models.inputs.rates import SpikeTrace as SpikeTrace
from eventsim.models.inputs.sources import Poisson as Poisson
from eventsim.models.inputs.sources import Regular as Regular
from eventsim.models.inputs.sources import SpikeSource as SpikeSource
from eventsim.models.lif.lif import LIF as LIF
from eventsim.models.lif.lif import LIFDelta as LIFDelta
from eventsim.models.prospective import adjoint as adjoint
from eventsim.models.prospective.latent_equilibrium import (
    GeneralizedLatentEquilibrium as GeneralizedLatentEquilibrium,
)
from eventsim.models.prospective.latent_equilibrium import LatentEquilibrium as LatentEquilibrium
from eventsim.models.prospective.microcircuit import Interneuron as Interneuron
from eventsim.models.prospective.microcircuit import OutputCell as OutputCell
from eventsim.models.prospective.microcircuit import PyramidalCell as PyramidalCell
from eventsim.models.training import losses as losses
from eventsim.models.training import optimisers as optimisers
from eventsim.models.training import parametrisations as parametrisations
from eventsim.models.training.estimators.base import NotFittedError as NotFittedError
from eventsim.models.training.estimators.sequence_estimators import SequenceClassifier as SequenceClassifier
from eventsim.models.training.estimators.sequence_estimators import SequenceRegressor as SequenceRegressor
from eventsim.models.training.estimators.spiking_classifier import SpikingClassifier as SpikingClassifier
