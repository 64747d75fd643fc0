"""The base of all parts: single imperfections, each small, which a substrate composes.

A part acts at three places: on parameters at build (`transform_parameters`), on spikes between neuron and
synapse (`transmit`), and on the thresholds of each run (`thresholds`). It draws from a stream that is
named after the part, so numbers depend neither on the order of parts nor on what else is there. Parts act
in the order of their physical stages: first what is written into the chip, then the analog circuits, then
what is broken.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.device import Hardware
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network
from eventsim.renamed import RENAMED, current

__all__ = [
    "ANALOG",
    "BROKEN",
    "DIGITAL",
    "RANGE",
    "Overflow",
    "Part",
    "Whose",
    "checked_overflow",
    "checked_whose",
    "concerns",
    "spike_keys",
]

Floats = NDArray[np.float64]

DIGITAL, RANGE, ANALOG, BROKEN = range(4)  # stages, in the order in which they act

Overflow = Literal["clip", "refuse"]  # policy for values out of range
Whose = Literal["neurons", "inputs", "all"]  # spikes that a part acts on


@dataclass(frozen=True, repr=False)
class Part(Hardware):
    """One imperfection of a substrate; by itself a substrate that has no other.

    Derive a frozen dataclass from it to make a part of your own, and define those of `transform_parameters`,
    `transmit` and `thresholds` that the part needs.
    """

    __slots__ = ()

    composed: ClassVar[bool] = True
    stage: ClassVar[int] = ANALOG
    device_seed: ClassVar[int] = 0  # type: ignore[misc]
    seed: ClassVar[int] = 0  # type: ignore[misc]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for old in RENAMED["method/part"]:
            if old in vars(cls):
                setattr(cls, current("method/part", old), vars(cls)[old])

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings; parts that do not are left out."""
        return True

    @property
    def names_a_parameter(self) -> bool:
        """Whether a setting names a parameter of neurons, which may be misspelt."""
        return False

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return None

    @property
    def stream(self) -> str:
        """Name of the stream that the part draws from; two parts of a substrate must differ in it."""
        return type(self).__name__

    def parts_for(self, network: Network) -> tuple["Part", ...]:
        """Return the part alone."""
        return (self,)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Change parameters of the network: what is written, and the fixed pattern of the device."""

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Change how the spikes of a population are transmitted."""

    def thresholds(self, population: str, placement: Placement, trials: Trials) -> Floats | None:
        """Return relative changes of the distance of thresholds from v_leak, shape (n_samples, n)."""
        return None


def checked_overflow(overflow: str) -> None:
    """Refuse what is no overflow policy."""
    if overflow not in ("clip", "refuse"):
        raise ValueError(f"overflow must be 'clip' or 'refuse', got {overflow!r}")


def checked_whose(whose: str) -> None:
    """Refuse what names no spikes."""
    if whose not in ("neurons", "inputs", "all"):
        raise ValueError(f"whose must be 'neurons', 'inputs' or 'all', got {whose!r}")


def concerns(whose: str, transmission: TransmissionParameters) -> bool:
    """Return whether a part that acts on the spikes of `whose` acts on those of a population."""
    return whose == "all" or (whose == "inputs") == transmission.is_source


def spike_keys(part: Part, transmission: TransmissionParameters, trials: Trials) -> NDArray[np.uint64]:
    """Return what a part draws from for each spike, shape (n_samples, n).

    Input lines and circuits are counted separately, so they have streams of their own.
    """
    stream = part.stream + (" input" if transmission.is_source else "")
    return trials.keys(stream, "spike", transmission.places)
