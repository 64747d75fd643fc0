"""What a chip makes of weights before they reach its analog circuits: steps, range, rows of one sign."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import DIGITAL, RANGE, Part
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["DaleRows", "WeightQuantization", "WeightSaturation"]


@register("hardware", "weight-quantization")
@dataclass(frozen=True, slots=True)
class WeightQuantization(Part):
    """Weights are whole multiples of a step: each becomes the nearest one, halves to even.

    Attributes
    ----------
    step : distance of two neighbouring weights, >= 0; 0 for none.
    """

    step: float = 0.0

    stage: ClassVar[int] = DIGITAL

    def __post_init__(self) -> None:
        one_number(self.step, "step", low=0)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Round all weights."""
        if self.step:
            for projection in editor.network.projections:
                synapses = editor.synapses(projection)
                synapses.put_weight(np.rint(synapses.weight / self.step) * self.step)


@register("hardware", "weight-saturation")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, slots=True)
class WeightSaturation(Part):
    """Weights have a largest size.

    Attributes
    ----------
    limit : largest size of a weight, > 0; inf for none.
    overflow : "clip" brings larger ones to the limit and counts them, "refuse" raises ConfigError.
    """

    limit: float = np.inf
    overflow: Literal["clip", "refuse"] = "clip"

    stage: ClassVar[int] = RANGE

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise ValueError(f"limit must be positive (inf: none), got {self.limit!r}")
        if self.overflow not in ("clip", "refuse"):
            raise ValueError(f"overflow must be clip or refuse, got {self.overflow!r}")

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Clip or refuse what is too large."""
        if self.limit == np.inf:
            return
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            size = np.abs(synapses.weight)
            over = size > self.limit * (1 + 1e-12)  # 63 steps may be rounded up
            if not over.any():
                continue
            if self.overflow == "refuse":
                raise ConfigError(
                    f"weights of {projection.label} must not be beyond {self.limit:g}, "
                    f"got {float(synapses.weight[over][0]):g} and {int(over.sum()) - 1} more"
                )
            editor.count("clipped", int(over.sum()))
            synapses.put_weight(np.clip(synapses.weight, -self.limit, self.limit))


@register("hardware", "dale-rows")
@dataclass(frozen=True, slots=True)
class DaleRows(Part):
    """All synapses in a row have one sign.

    With two rows for each source (as BrainScaleS-2 is used) any weight can be had, and nothing changes here.
    With one row a source excites or inhibits all its targets: the sign of the sum of its weights; those of
    the other sign become 0 and are counted.

    Attributes
    ----------
    rows : rows for each source, 1 or 2.
    """

    rows: Literal[1, 2] = 2
    stage: ClassVar[int] = DIGITAL

    def __post_init__(self) -> None:
        if self.rows not in (1, 2):
            raise ValueError(f"rows must be 1 or 2, got {self.rows!r}")

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Drop the weights whose sign is not that of their row."""
        if self.rows == 2:
            return
        for projection in editor.network.projections:
            synapses = editor.synapses(projection)
            if not synapses.dense:
                raise ConfigError(f"rows of one sign need dense projections, {projection.label} is not")
            sign = np.where(synapses.weight.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
            wrong = synapses.weight * sign < 0
            editor.count("wrong_sign", int(wrong.sum()))
            synapses.put_weight(np.where(wrong, 0.0, synapses.weight))
