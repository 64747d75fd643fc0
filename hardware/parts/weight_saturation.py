"""Weight saturation: the largest weight that a chip can hold."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import RANGE, Overflow, Part, checked_overflow
from eventsim.hardware.parts.without_effect import no_projections
from eventsim.network import Network
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["WeightSaturation"]


@register("hardware", "weight-saturation")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, slots=True, repr=False)
class WeightSaturation(Part):
    """Weights have a largest size.

    Attributes
    ----------
    limit : largest size of a weight, > 0; inf for none.
    overflow : "clip" brings larger weights to the limit and counts them (``clipped``), "refuse" raises
        ConfigError.
    """

    limit: float = np.inf
    overflow: Overflow = "clip"
    stage: ClassVar[int] = RANGE

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise ValueError(f"limit must be positive (inf: none), got {self.limit!r}")
        checked_overflow(self.overflow)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.limit < np.inf

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_projections(network)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Clip or refuse weights over the limit."""
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            over = np.abs(synapses.weight) > self.limit * (1 + 1e-12)  # 63 steps may be rounded up
            if not over.any():
                continue
            if self.overflow == "refuse":
                raise ConfigError(
                    f"weights of {projection.label} must not be beyond {self.limit:g}, "
                    f"got {float(synapses.weight[over][0]):g} and {int(over.sum()) - 1} more"
                )
            editor.count("clipped", int(over.sum()))
            synapses.put_weight(np.clip(synapses.weight, -self.limit, self.limit))
