from eventsim.hardware.chips.brainscales2 import BrainScaleS2 as BrainScaleS2
from eventsim.hardware.chips.brainscales2 import BrainScaleS2Ideal as BrainScaleS2Ideal
from eventsim.hardware.chips.chip import Chip as Chip
from eventsim.hardware.chips.chip import Cost as Cost
from eventsim.hardware.chips.minimalist import Minimalist as Minimalist
from eventsim.hardware.chips.mixed_signal import MixedSignal as MixedSignal
