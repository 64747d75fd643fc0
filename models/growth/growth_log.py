"""What every test of a growing network found: one row for each test and hidden layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.growth.decision import LayerTest

__all__ = ["COLUMNS", "GrowthLog"]

COLUMNS = (
    "task",
    "epoch",
    "layer",
    "width",  # before growth
    "dimension",  # ED
    "phi",  # ED / M
    "phi_0",
    "threshold",  # gamma phi_0 M, which ED must exceed
    "percentile",  # of the Fisher information of the current task
    "tau",  # which it must exceed
    "zeros",  # share of entries of the Fisher information that are 0
    "dead",  # share of units that answer to no sample of the probe
    "full",  # 1 if the representation is full
    "rigid",  # 1 if plasticity is
    "added",  # units
    "occupied",  # share of weights with more importance than the median of task 1, before growth
    "occupied_after",
)


class GrowthLog:
    """The tests of a growing network.

    Attributes
    ----------
    largest_change : float
        Largest change of an output that an insertion caused.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []
        self.largest_change = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        task: int,
        epoch: int,
        tests: Sequence[LayerTest],
        added: Sequence[int],
        gamma: float,
        zeros: Sequence[float],
        dead: Sequence[int],
        occupied: Sequence[float],
        occupied_after: Sequence[float],
    ) -> None:
        """Add what a test found of every hidden layer."""
        for layer, test in enumerate(tests):
            bound = gamma * test.phi_0 * test.width
            full, rigid = test.is_full(gamma), test.is_rigid
            values = test.width, test.dimension, test.phi, test.phi_0, bound, test.percentile, test.tau
            shares = zeros[layer], dead[layer] / test.width
            used = (occupied[layer], occupied_after[layer]) if occupied else (np.nan, np.nan)
            self._rows.append((task, epoch, layer, *values, *shares, full, rigid, added[layer], *used))

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """Return the table by column, each of shape (n_rows,)."""
        table = np.array(self._rows, np.float64).reshape(-1, len(COLUMNS))
        return {name: table[:, k].copy() for k, name in enumerate(COLUMNS)}

    def state(self) -> dict[str, Any]:
        """Return all rows."""
        table = np.array(self._rows, np.float64).reshape(-1, len(COLUMNS))
        return {"rows": table, "largest_change": self.largest_change}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        table = np.asarray(state["rows"], np.float64).reshape(-1, len(COLUMNS))
        self._rows = [tuple(row) for row in table.tolist()]
        self.largest_change = float(state["largest_change"])
