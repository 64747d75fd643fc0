"""Types of what a compiled plasticity rule builds on; see spike_rule.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.engine import Engine
from eventsim.synapses import ArrivalObserver, Synapses

class SpikeRule(ArrivalObserver):
    synapses: Synapses
    arrays: dict[str, NDArray[Any]]
    own_rows: bool
    n_rows: int
    def __init__(self, synapses: Synapses, engine: Engine | None = None, plastic: bool = True) -> None: ...
    def array(
        self,
        name: str,
        n: int,
        value: float = 0.0,
        dtype: Any = ...,
        low: float | None = None,
        high: float | str | None = None,
    ) -> NDArray[Any]: ...
