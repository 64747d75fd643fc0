"""Types of ticks; see ticks.pyx."""

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from eventsim.contracts import BuildContext
from eventsim.engine.engine import Engine, Handler
from eventsim.population.population import Population

class InputSignal:
    values: NDArray[Any]
    first: int
    hold: int
    row: int
    def __init__(
        self,
        values: NDArray[Any] | Callable[[float], Any],
        shape: tuple[int, int],
        dtype: Any,
        first: int = 0,
        hold: int = 1,
        repeat: bool = False,
    ) -> None: ...
    def shown_again(self) -> None: ...

class History:
    values: NDArray[Any]
    variable: str
    def __init__(self, array: NDArray[Any], variable: str, depth: int) -> None: ...

class Continuous(Population):
    batch: int
    dt: float
    is_float64: bool
    receptors: dict[str, NDArray[Any]]
    arrays: dict[str, NDArray[Any]]
    state: dict[str, NDArray[Any]]
    limit: float
    shared: dict[str, Any]
    run_seed: int
    histories: list[History]
    input_signal: InputSignal | None
    def __init__(
        self,
        context: BuildContext,
        receptors: tuple[str, ...],
        arrays: dict[str, NDArray[Any]],
        tau_spike: float = 0.0,
        state: dict[str, NDArray[Any]] | None = None,
    ) -> None: ...
    def set_input(self, signal: InputSignal | None) -> None: ...
    def remember(self, depth: int) -> None: ...
    def remember_variable(self, variable: str, depth: int) -> History: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...

class TickPart(Handler):
    name: str

class Ticks(Handler):
    dt: float
    k: int
    populations: list[Continuous]
    parts: list[TickPart]
    def __init__(self, dt: float, populations: Sequence[Continuous], parts: Sequence[TickPart]) -> None: ...
    def begin(self, engine: Engine) -> None: ...

class PythonTickPart(TickPart):
    def __init__(self, observer: Any) -> None: ...

class PythonContinuous(Continuous):
    model: Any
    def __init__(self, context: BuildContext, model: Any) -> None: ...
