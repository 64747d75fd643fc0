"""Types of the compiled populations; see population.pyx."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from eventsim.engine import Engine, Handler
from eventsim.recorder import SampleLog, SpikeLog
from eventsim.trace import Floats, Ints

class Outlet(Handler): ...
class Exit(Handler): ...

class Population(Handler):
    name: str
    n: int
    variables: tuple[str, ...]
    is_source: bool
    windowed: bool
    keep_spikes: bool
    log: SpikeLog
    fresh: SpikeLog
    exit: Exit | None
