"""Types of the flow of neurons that are linear between spikes; see _linear_flow.pyx."""

from collections.abc import Sequence

from eventsim.models.neurons.flow import Flow

PARAMETERS: tuple[str, ...]

class LinearFlow(Flow):
    def __init__(self, shapes: Sequence[str], current: bool, threshold: bool) -> None: ...
    @property
    def components(self) -> tuple[list[int], int, int]: ...
