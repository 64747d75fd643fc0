"""Dale's rows: all synapses in a row of a chip have one sign."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import DIGITAL, Part
from eventsim.hardware.parts.without_effect import no_projections
from eventsim.network import Network
from eventsim.registry import register

__all__ = ["DaleRows"]


@register("hardware", "dale-rows")
@dataclass(frozen=True, slots=True, repr=False)
class DaleRows(Part):
    """All synapses in a row have one sign (Dale's law, if each source has one row).

    With two rows for each source, as BrainScaleS-2 is used, any weight can be made and nothing changes. With
    one row a source excites or inhibits all its targets, by the sign of the sum of its weights; weights of
    the other sign become 0 and are counted (``wrong_sign``).

    Attributes
    ----------
    rows : rows for each source, 1 or 2.
    """

    rows: Literal[1, 2] = 2
    stage: ClassVar[int] = DIGITAL

    def __post_init__(self) -> None:
        if self.rows not in (1, 2):
            raise ValueError(f"rows must be 1 or 2, got {self.rows!r}")

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.rows == 1

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_projections(network)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Set weights to 0 whose sign is not that of their row."""
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            if not synapses.dense:
                raise ConfigError(f"rows of one sign need dense projections, {projection.label} is sparse")
            sign = np.where(synapses.weight.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
            wrong = synapses.weight * sign < 0
            editor.count("wrong_sign", int(wrong.sum()))
            synapses.put_weight(np.where(wrong, 0.0, synapses.weight))
