"""Offset: a parameter of all neurons differs from the declared one by the same factor and the same amount."""

from dataclasses import dataclass
from typing import ClassVar

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import ANALOG, Part
from eventsim.hardware.parts.without_effect import no_parameter
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["Offset"]


@register("hardware", "offset")
@dataclass(frozen=True, slots=True, repr=False)
class Offset(Part):
    """A parameter of all neurons becomes ``factor * value + offset``.

    Of a threshold, the distance from v_leak is multiplied. A wrong ratio of time constants is a factor of
    tau_mem.

    Attributes
    ----------
    parameter : of neurons, such as "v_th", "tau_mem", "tau_syn".
    factor : > 0.
    offset : added, in the unit of the parameter.
    """

    parameter: str = "v_th"
    factor: float = 1.0
    offset: float = 0.0
    stage: ClassVar[int] = ANALOG

    def __post_init__(self) -> None:
        if not one_number(self.factor, "factor", low=0) > 0:
            raise ValueError(f"factor must be positive, got {self.factor!r}")
        one_number(self.offset, "offset")

    @property
    def stream(self) -> str:
        """Name of the stream; of an earlier version, since parts of a stage act in the order of these."""
        return f"Deviation {self.parameter}"

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.factor != 1 or self.offset != 0

    @property
    def names_a_parameter(self) -> bool:
        """Whether `parameter` is one of neurons; it always is."""
        return True

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_parameter(network, self.parameter, may_be_zero=self.offset != 0)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Multiply the parameter and add to it."""
        for name in editor.neurons:
            if editor.has(name, self.parameter):
                editor.multiply(name, self.parameter, self.factor, self.offset)
