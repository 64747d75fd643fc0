"""Types of the layout of synapses; see rows.pyx."""

from typing import Any

from numpy.typing import NDArray

from eventsim.connect.connections import Connections

def column(values: Any, order: NDArray[Any] | None) -> Any: ...
def by_source(
    connections: Connections, n_pre: int, want_order: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]: ...
def sort_rows(
    start: NDArray[Any], target: NDArray[Any], weight: Any, delay: NDArray[Any]
) -> tuple[NDArray[Any], Any, NDArray[Any]]: ...
