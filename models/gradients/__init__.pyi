from eventsim.models.gradients.perturbation import Noise as Noise
from eventsim.models.gradients.run import Gradient as Gradient
from eventsim.models.gradients.run import Run as Run
from eventsim.models.gradients.spike_gradient import SpikeGradient as SpikeGradient
