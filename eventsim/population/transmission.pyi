from typing import Any

from numpy.typing import ArrayLike

from eventsim.population.population import OutputFilter

class Bus:
    rate: float
    capacity: int
    n_lost: int
    n_delayed: int
    def __init__(self, rate: float, capacity: int) -> None: ...

class SpikeTransmission(OutputFilter):
    n: int
    resolution: float
    bus: Bus | None
    n_lost: int
    n_cut: int
    def __init__(
        self,
        n: int,
        latency: ArrayLike = 0.0,
        jitter: ArrayLike = 0.0,
        jitter_keys: ArrayLike = 0,
        loss: ArrayLike = 0.0,
        loss_keys: ArrayLike = 0,
        resolution: float = 0.0,
        bus: Bus | None = None,
    ) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def rewind(self, state: dict[str, Any]) -> None: ...
    def draw_from(self, jitter_keys: ArrayLike | None = None, loss_keys: ArrayLike | None = None) -> None: ...
    def settings(self) -> list[Any]: ...
