"""A substrate: parts of one's own choice put together, on a device with a pattern of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from eventsim.hardware.device import Hardware
from eventsim.hardware.parts.part import Part
from eventsim.hardware.placement import Layout
from eventsim.network import Network
from eventsim.renamed import renamed_arguments

__all__ = ["Substrate"]


@renamed_arguments("argument/hardware")
@dataclass(frozen=True, repr=False)
class Substrate(Hardware):
    """Parts of one's own choice.

    Parameters
    ----------
    parts : sequence of Part
        In any order.
    device_seed : int
        Seed of everything that is fixed in the device.
    seed : int
        Of what differs from run to run.
    capacity : Layout
        How much fits; everything unless given.

    Examples
    --------
    >>> import eventsim as es
    >>> parts = [es.hardware.Jitter(0.01), es.hardware.Mismatch("v_th", 0.05)]
    >>> chip = es.hardware.Substrate(parts, device_seed=7)
    >>> net = es.Network()
    >>> _ = net.add("cells", es.models.LIF(), 3)
    >>> len(chip.transform(net).populations["cells"].model.v_th)
    3
    """

    composed: ClassVar[bool] = True

    parts: Sequence[Part] = ()
    device_seed: int = 0
    seed: int = 0
    capacity: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        given = self.parts
        if isinstance(given, Part | type | str) or not isinstance(given, Iterable):
            raise TypeError(f"parts must be a sequence such as [es.hardware.Jitter(0.1)], got {given!r:.60}")
        parts = tuple(given)  # a copy: later changes of the caller's list do not enter
        for part in parts:
            if isinstance(part, type):
                raise TypeError(
                    f"parts must be objects, got the class {part.__name__}; write {part.__name__}(...)"
                )
            if not isinstance(part, Part):
                raise TypeError(
                    f"each of the parts must be a Part such as es.hardware.Jitter(0.1), got {part!r:.60}"
                )
        object.__setattr__(self, "parts", parts)

    def parts_for(self, network: Network) -> tuple[Part, ...]:
        """Return the parts."""
        return tuple(self.parts)

    def layout(self) -> Layout:
        """Return the capacity."""
        return self.capacity
