from typing import Any

from numpy.typing import NDArray

class CompiledStream:
    def __init__(
        self,
        steps: list[tuple[str, str, int, int, tuple[NDArray[Any] | None, ...], dict[str, Any]]],
        places: list[str],
        batch: int,
        is_float64: bool,
    ) -> None: ...
    def step(self, x: NDArray[Any]) -> NDArray[Any]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, states: dict[str, Any]) -> None: ...
