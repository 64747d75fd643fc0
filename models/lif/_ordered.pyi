"""Types of the compiled neurons; see _ordered.pyx."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.engine import Engine
from eventsim.population import Population

PARAMETERS: tuple[str, ...]

def propagate(
    parameters: Mapping[str, Any], v: float, i: float, s: float, delta: bool = False
) -> tuple[float, float]: ...
def crossing(parameters: Mapping[str, Any], v: float, i: float, delta: bool = False) -> float: ...

class LIFNeurons(Population):
    def __init__(
        self,
        n: int,
        name: str,
        parameters: Mapping[str, Any],
        delta: bool = False,
        first_spike_only: bool = False,
    ) -> None: ...
    def rewind(self, state: dict[str, Any]) -> None: ...
    def set_parameters(
        self, parameters: Mapping[str, Any], engine: Engine | None = None, time: float | None = None
    ) -> None: ...
    def set_thresholds(self, v_th: NDArray[np.float64]) -> None: ...
