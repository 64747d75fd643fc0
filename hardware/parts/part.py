"""Parts: single imperfections, each small, which a substrate composes.

A part acts at build (`alter`), on the spikes that leave neurons (`leave`), or on the thresholds of single
runs (`thresholds`). What it draws comes from streams named after itself, so neither the order in which parts
are listed nor what else is there changes a number; and parts are applied in the order of the physical stages
they belong to: what is written into the chip first, then the analog circuits, then what is broken.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.device import Hardware
from eventsim.hardware.network_editor import Draft
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import Leaving, Trials
from eventsim.network import Network

__all__ = ["ANALOG", "BROKEN", "DIGITAL", "RANGE", "Part"]

Floats = NDArray[np.float64]

DIGITAL, RANGE, ANALOG, BROKEN = range(4)  # stages, in the order in which they act


@dataclass(frozen=True)
class Part(Hardware):
    """One imperfection of a substrate; by itself a substrate that has no other.

    A part of one's own is a frozen dataclass that derives from this and defines what it needs of `alter`,
    `leave` and `thresholds`.
    """

    __slots__ = ()

    stage: ClassVar[int] = ANALOG
    device: ClassVar[int] = 0  # type: ignore[misc]
    seed: ClassVar[int] = 0  # type: ignore[misc]

    @property
    def stream(self) -> str:
        """What the part's random numbers are called after; two parts of a substrate must differ in it."""
        return type(self).__name__

    def parts_for(self, network: Network) -> tuple["Part", ...]:
        """Return the part alone."""
        return (self,)

    def alter(self, draft: Draft) -> None:
        """Change parameters of the network: what is written, and the fixed pattern of the device."""

    def leave(self, leaving: Leaving, placement: Placement, trials: Trials) -> None:
        """Say how spikes leave a population."""

    def thresholds(self, population: str, placement: Placement, trials: Trials) -> Floats | None:
        """Return by what share of their distance from rest thresholds differ, (n_samples, n)."""
        return None
