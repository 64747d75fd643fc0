"""Types of the tape of the general adjoint pass; see _tape.pyx."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

class EventTape:
    readings: Floats
    reading_errors: Floats
    n_samples: int
    n_populations: int
    n_units: int
    n_windows: int
    until: float
    width: float
    def __init__(
        self,
        n_samples: int,
        n_populations: int,
        n_units: int,
        until: float,
        width: float,
        n_windows: int,
        n_probes: int = 0,
    ) -> None: ...
    @property
    def nbytes(self) -> int: ...
    def spikes(self, population: int, sample: int) -> tuple[Floats, Ints]: ...
    def slopes(self, population: int, sample: int) -> Floats: ...
    def errors(self, population: int, sample: int) -> Floats: ...
    def clear_errors(self) -> None: ...
    def add_errors(self, population: int, sample: int, errors: Floats) -> None: ...
    def first_spikes(self, population: int, times: Floats) -> None: ...
    def count_spikes(self, population: int, counts: Ints) -> None: ...
    def add_first_errors(self, population: int, errors: Floats) -> None: ...
    def first_errors(self, population: int, errors: Floats) -> None: ...
