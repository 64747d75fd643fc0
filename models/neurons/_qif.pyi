"""Types of the closed forms of quadratic neurons; see _qif.pyx."""

from typing import Any

from eventsim.models.neurons.flow import Flow

PARAMETERS: tuple[str, ...]
DERIVED: tuple[str, ...]

class QuadraticFlow(Flow):
    def charted(self, v: float, p: Any) -> tuple[float, float]: ...

class QIFExponential(QuadraticFlow): ...
class QIFDelta(QuadraticFlow): ...
