from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.gradients.eventprop._tape import Gradients, Tape
from eventsim.models.gradients.eventprop._workspace import Workspace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]

class EventProp:
    stopped: bool
    n_populations: int
    n_units: int
    n_synapses: int
    constants: bool
    max_slope_inverse: float
    max_dw_norm: float
    max_spikes: int
    def __init__(
        self,
        populations: Sequence[tuple[int, bool, bool, Floats | None, Floats | None]],
        projections: Sequence[tuple[int, int, Indices]],
        order: Sequence[int],
        n_synapses: int,
        constants: bool,
    ) -> None: ...
    def set_order(self, order: Sequence[int]) -> None: ...
    def set_link(
        self,
        projection: int,
        target: Indices,
        synapse: Indices,
        delay: Floats | None,
        row_delay: Floats | None,
        least: float,
        most: float,
        rising: bool,
    ) -> None: ...
    def set_dense(self, population: int, first_slot: int, shared: bool, vectorised: bool) -> None: ...
    def set_owners(self, owner: Indices) -> None: ...
    def prepare_bins(self, population: int, width: float, n_together: int) -> bool: ...
    def set_weights(self, weight: Floats, delay: Floats) -> None: ...
    def set_cells(self, population: int, parameters: Mapping[str, Any]) -> None: ...
    def readout(self, population: int) -> int: ...
    def set_input(self, population: int, time: Floats, unit: Indices, start: Ints) -> None: ...
    def clear_inputs(self) -> None: ...
    def space(self) -> Workspace: ...
    def gradients(self) -> Gradients: ...
    def forward(self, space: Workspace, tape: Tape, low: int) -> None: ...
    def backward(self, space: Workspace, tape: Tape, gradients: Gradients) -> None: ...
