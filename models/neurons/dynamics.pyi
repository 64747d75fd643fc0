"""Types of the equations of neurons; see dynamics.pyx."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray

class Dynamics:
    def slope(self, t: float, x: ArrayLike, p: ArrayLike) -> NDArray[Any]: ...
    def margin(self, x: ArrayLike, p: ArrayLike) -> float: ...
    def after_spike(self, x: ArrayLike, p: ArrayLike) -> NDArray[Any]: ...
    def after_input(self, x: ArrayLike, p: ArrayLike, weight: float, receptor: int) -> NDArray[Any]: ...

class PythonDynamics(Dynamics):
    def __init__(
        self,
        state_of: type[Any],
        parameters_of: type[Any],
        f: Callable[..., Any],
        g: Callable[..., Any],
        reset: Callable[..., Any],
        arrive: Callable[..., Any] | None,
        jacobian: Callable[..., Any] | None = None,
    ) -> None: ...
