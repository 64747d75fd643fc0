from eventsim.models.gradients.forward_pass import ForwardPass as ForwardPass
from eventsim.models.gradients.forward_pass import Gradient as Gradient
from eventsim.models.gradients.perturbation import Noise as Noise
from eventsim.models.gradients.spike_gradient import SpikeGradient as SpikeGradient
