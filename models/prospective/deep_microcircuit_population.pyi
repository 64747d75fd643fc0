"""Types of the compiled microcircuit; see deep_microcircuit_population.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.rates.ticks import Continuous, InputSignal

class DeepMicrocircuitPopulation(Continuous):
    learning_rate: float
    n_layers: int
    n_hidden: int
    def __init__(
        self,
        context: BuildContext,
        sizes: tuple[int, ...],
        weights: dict[str, NDArray[Any]],
        constants: dict[str, NDArray[Any]],
        activation: str,
        output: tuple[tuple[float, float], tuple[float, float]],
    ) -> None: ...
    def nudge_to(self, target: InputSignal | None, beta: float, kind: str = "voltage") -> None: ...
    def align(self, rule: Any) -> None: ...
    def set_learning_rate(self, learning_rate: float) -> None: ...
    def weights(self) -> dict[str, NDArray[Any]]: ...
