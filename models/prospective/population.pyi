"""Types of the compiled prospective neurons; see _latent_equilibrium.pyx."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.rates.ticks import Continuous, InputSignal

def activated(activation: str, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]: ...

class ProspectivePopulation(Continuous):
    tau_mem: NDArray[Any]
    tau_r: NDArray[Any]
    def __init__(
        self,
        context: BuildContext,
        parameters: Mapping[str, Any],
        *,
        activation: str,
        errors: str,
        gamma: float,
        tau_spike: float,
        noise: float = 0.0,
        noise_key: int = 0,
    ) -> None: ...
    def nudge_to(self, target: InputSignal | None, beta: float, kind: str = "rate") -> None: ...
    def learn_time_constants(
        self, rule: str, learning_rate: float, least: float, optimiser: str = "sgd"
    ) -> None: ...
    def set_learning_rate(self, learning_rate: float) -> None: ...
    def set_time_constants(self, tau_mem: Any) -> None: ...
