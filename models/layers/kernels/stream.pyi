from typing import Any

from numpy.typing import NDArray

class CompiledStream:
    def __init__(
        self,
        steps: list[tuple[str, int, int, tuple[NDArray[Any] | None, ...]]],
        batch: int,
        is_float64: bool,
        smooth: list[tuple[int, float, bool]],
    ) -> None: ...
    def step(self, x: NDArray[Any]) -> NDArray[Any]: ...
    def state(self) -> list[dict[str, NDArray[Any]]]: ...
    def restore(self, states: list[dict[str, Any]]) -> None: ...
