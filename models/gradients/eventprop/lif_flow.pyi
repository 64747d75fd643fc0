"""Types of the flow of leaky integrate-and-fire neurons; see lif_flow.pyx."""

from eventsim.models.neurons.flow import Flow

PARAMETERS: tuple[str, ...]
DERIVED: tuple[str, ...]

class LIFFlow(Flow):
    delta: bool
    def __init__(self, delta: bool = False) -> None: ...
