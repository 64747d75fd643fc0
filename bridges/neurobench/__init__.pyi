from eventsim.neurobench.benchmark import benchmark as benchmark
from eventsim.neurobench.wrapped import WrappedModel as WrappedModel
