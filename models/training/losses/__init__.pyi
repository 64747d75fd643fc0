from eventsim.models.training.losses.classes import MaxMembrane as MaxMembrane
from eventsim.models.training.losses.classes import SoftCounts as SoftCounts
from eventsim.models.training.losses.first_spike import TargetTimes as TargetTimes
from eventsim.models.training.losses.first_spike import TimeToFirstSpike as TimeToFirstSpike
from eventsim.models.training.losses.spike_trains import SpikeTrainTargets as SpikeTrainTargets
from eventsim.models.training.losses.spike_trains import TimeInvariant as TimeInvariant
from eventsim.models.training.losses.spike_trains import VanRossum as VanRossum
