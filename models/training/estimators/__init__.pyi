from eventsim.models.training.estimators.base import NotFittedError as NotFittedError
from eventsim.models.training.estimators.latency_encoder import LatencyEncoder as LatencyEncoder
from eventsim.models.training.estimators.spiking_classifier import SpikingClassifier as SpikingClassifier
