"""Types of the compiled rate neurons with a dendrite; see _two_compartment_rate.pyx."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.rates.ticks import Continuous, InputSignal

class TwoCompartmentPopulation(Continuous):
    given: dict[str, NDArray[Any]]
    target: InputSignal | None
    def __init__(
        self,
        context: BuildContext,
        parameters: Mapping[str, float | NDArray[Any]],
        *,
        e_excitation: float,
        e_inhibition: float,
        slope: float,
        threshold: float,
    ) -> None: ...
    def nudge_to(self, target: InputSignal | None, beta: float, kind: str = "voltage") -> None: ...
