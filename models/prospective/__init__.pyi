from eventsim.models.prospective import adjoint as adjoint
from eventsim.models.prospective import layered as layered
from eventsim.models.prospective.deep_microcircuit import DeepMicrocircuit as DeepMicrocircuit
from eventsim.models.prospective.latent_equilibrium import (
    GeneralizedLatentEquilibrium as GeneralizedLatentEquilibrium,
)
from eventsim.models.prospective.latent_equilibrium import LatentEquilibrium as LatentEquilibrium
from eventsim.models.prospective.microcircuit import Interneuron as Interneuron
from eventsim.models.prospective.microcircuit import OutputCell as OutputCell
from eventsim.models.prospective.microcircuit import PyramidalCell as PyramidalCell
from eventsim.models.prospective.microcircuit import self_predicting as self_predicting
