"""Types of the compiled populations; see population.pyx."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from eventsim.engine.engine import Engine, Handler
from eventsim.population.recorder import SampleLog, SpikeLog
from eventsim.trace import Floats, Ints

class SpikeSink(Handler): ...
class OutputFilter(Handler): ...

class Population(Handler):
    name: str
    n: int
    variables: tuple[str, ...]
    is_source: bool
    windowed: bool
    keep_spikes: bool
    log: SpikeLog
    fresh: SpikeLog
    event_logs: dict[str, SpikeLog]
    transmission: OutputFilter | None
    hooks: list[Callable[[float, int], object]]
    recordings: list[Recording]
    def __init__(self, n: int, name: str = "") -> None: ...
    def add_sink(self, sink: SpikeSink) -> None: ...
    def set_transmission(self, transmission: OutputFilter) -> None: ...
    def add_hook(self, hook: Callable[[float, int], object]) -> None: ...
    def add_recording(self, recording: Recording) -> None: ...
    def keep(self, keep: bool) -> None: ...
    def check_event(self, unit: int, value: float) -> None: ...
    def unit_range(self) -> tuple[int, int] | None: ...
    def prepare(self, engine: Engine) -> None: ...
    def value(self, variable: str, time: float) -> Floats: ...
    # What only some populations have: add, add_private_source, expected, max_window.
    def __getattr__(self, name: str) -> Any: ...

class PrivateSource(Population): ...

class Recording(Handler):
    population: Population
    variable: str
    every: float
    units: Ints
    log: SampleLog
    next: int
    def __init__(self, population: Population, variable: str, every: float, units: ArrayLike) -> None: ...
