"""Types of the general adjoint pass; see _passes.pyx."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.models.gradients.adjoint._tape import EventTape
from eventsim.models.gradients.adjoint._workspace import Sums, WorkSpace

Floats = NDArray[np.float64]

class EventAdjoint:
    n_units: int
    n_synapses: int
    n_parameters: int
    with_parameters: bool
    max_slope_inverse: float
    max_dw_norm: float
    max_spikes: int
    first_parameters: list[int]
    def __init__(
        self, groups: Sequence[Any], links: Sequence[Any], n_synapses: int, with_parameters: bool
    ) -> None: ...
    def set_synapses(self, weights: ArrayLike, delays: ArrayLike, owners: ArrayLike) -> None: ...
    def set_delays(self, k: int, shortest: float, longest: float) -> None: ...
    def set_units(self, k: int, p: Floats, t_ref: Floats) -> None: ...
    def set_order(self, order: Sequence[int]) -> None: ...
    def set_inputs(self, inputs: Mapping[int, Any]) -> None: ...
    def set_probes(
        self, probes: Mapping[int, tuple[Floats, NDArray[np.int32]]]
    ) -> tuple[dict[int, int], int]: ...
    def space(self) -> WorkSpace: ...
    def sums(self) -> Sums: ...
    def forward(self, w: WorkSpace, tape: EventTape, low: int) -> None: ...
    def backward(self, w: WorkSpace, tape: EventTape, sums: Sums) -> None: ...
