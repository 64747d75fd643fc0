"""What a run leaves behind, as plain arrays: the record that files, plots and analysis share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Spikes:
    """Spikes of one population, sorted by (time, unit).

    Attributes
    ----------
    times : ndarray, shape (n,), float64
        In the network's time unit.
    units : ndarray, shape (n,), int64
        Index within the population.
    """

    times: Floats
    units: Ints

    def __len__(self) -> int:
        return len(self.times)


@dataclass(slots=True)
class Samples:
    """A state variable of some units of a population, sampled on a grid.

    Attributes
    ----------
    times : ndarray, shape (n_times,)
    values : ndarray, shape (n_times, n_units)
    units : ndarray, shape (n_units,)
        Which units the columns are.
    every : float
        Step of the grid, in the network's time unit; 0 for samples at events, where a row holds
        nan for units that had no event at its time.
    """

    times: Floats
    values: Floats
    units: Ints
    every: float = 0.0


@dataclass(slots=True)
class Trace:
    """Everything a run leaves behind.

    Attributes
    ----------
    sizes : units of each population by name.
    spikes : spikes of each population by name.
    samples : sampled variables by (population, variable).
    parameters : arrays by name, such as ``weight/input->hidden``.
    training : series by name, such as ``test_accuracy``, each with the epoch as first axis.
    metrics : numbers by name, such as ``test_accuracy`` in [0, 1].
    config : the configuration as TOML text.
    provenance : scenario, preset, seed, version, wall_seconds, data and what else tells how it came about.
    state : nested dictionary of arrays and scalars from which a run goes on.
    duration : the clock at the end.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    spikes: dict[str, Spikes] = field(default_factory=dict)
    samples: dict[tuple[str, str], Samples] = field(default_factory=dict)
    parameters: dict[str, NDArray[Any]] = field(default_factory=dict)
    training: dict[str, NDArray[Any]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    config: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    duration: float = 0.0
    time_unit: str = "ms"
