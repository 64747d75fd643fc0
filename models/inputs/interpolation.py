"""Sequences drawn through their points: an input for every tick of a continuous network."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.parameters import one_number

__all__ = ["Interpolation"]

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Interpolation:
    """An encoding of sequences: a line through their points, one value for each tick.

    Straight lines have kinks, which prospective neurons sharpen layer by layer; cubic splines have none.

    Attributes
    ----------
    ticks : from the first point to the last, both included.
    kind : "linear" or "cubic".
    """

    ticks: int
    kind: Literal["linear", "cubic"] = "linear"

    def __post_init__(self) -> None:
        one_number(self.ticks, "ticks", low=1)
        if self.kind not in ("linear", "cubic"):
            raise ValueError(f"kind must be 'linear' or 'cubic', got {self.kind!r}")

    def __call__(self, sequences: NDArray[Any]) -> Singles:
        """Return sequences (n, n_points, n_inputs) as inputs by tick, shape (ticks, n, n_inputs)."""
        weights = _weights(sequences.shape[1], self.ticks, self.kind)
        return np.ascontiguousarray(np.tensordot(weights, sequences, (1, 1)), dtype=np.float32)


@lru_cache(maxsize=8)
def _weights(n_points: int, ticks: int, kind: str) -> Singles:
    """Return the weights of the points in each tick, shape (ticks, n_points)."""
    from scipy.interpolate import make_interp_spline

    spline = make_interp_spline(np.arange(n_points), np.eye(n_points), k=3 if kind == "cubic" else 1)
    weights: Singles = spline(np.linspace(0, n_points - 1, ticks)).astype(np.float32)
    return weights
