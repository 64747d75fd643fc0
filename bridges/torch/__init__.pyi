from eventsim.torch.layer import EventLayer as EventLayer
from eventsim.torch.values import Positive as Positive
