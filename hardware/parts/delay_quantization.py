"""Delay quantization: the delays that a chip can make, in steps between a shortest and a longest."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import DIGITAL, Overflow, Part, checked_overflow
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

__all__ = ["DelayQuantization"]


@register("hardware", "delay-quantization")
@renamed_arguments("argument/hardware")
@dataclass(frozen=True, slots=True, repr=False)
class DelayQuantization(Part):
    """Each delay becomes the nearest of ``shortest + k * step``, up to the longest.

    A projection without delay needs no delay element and stays as it is.

    Attributes
    ----------
    step : distance of two neighbouring delays, time unit of the network; 0 for any delay.
    shortest, longest : range of delays, time unit of the network.
    lines : whether a delay belongs to a line, so that it cannot differ from target to target.
    overflow : "refuse" raises ConfigError for a delay out of range, "clip" takes the nearest and counts it
        (``delays_clipped``).
    """

    step: float = 0.0
    shortest: float = 0.0
    longest: float = np.inf
    lines: bool = False
    overflow: Overflow = "refuse"
    stage: ClassVar[int] = DIGITAL

    def __post_init__(self) -> None:
        one_number(self.step, "step", low=0)
        one_number(self.shortest, "shortest", low=0)
        if not self.longest >= self.shortest:
            raise ValueError(f"longest must be at least shortest, got {self.longest!r} < {self.shortest!r}")
        checked_overflow(self.overflow)

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return bool(self.step or self.shortest or self.longest < np.inf or self.lines)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Round and limit all delays."""
        for projection in editor.network.projections:
            if projection.name not in editor.placement.elements:
                continue
            synapses = editor.synapses(projection)
            delay = synapses.delay
            if self.lines and delay.ndim and delay.shape != (synapses.n_pre, 1):
                raise ConfigError(
                    f"delays of {projection.label} differ from target to target; the chip delays whole "
                    "lines, as es.connect.axonal(values) does"
                )
            # Half a step out of range rounds into it; a delay given in other units may miss an end by its
            # last bits.
            slack = max(0.5 * self.step, 1e-9 * self.shortest)
            outside = (delay < self.shortest - slack) | (delay > self.longest + slack)
            if outside.any():
                if self.overflow == "refuse":
                    raise ConfigError(
                        f"delays of {projection.label} must lie between {self.shortest:g} and "
                        f"{self.longest:g} {editor.network.time_unit}, the range of the chip, "
                        f"got {float(delay[outside][0]):g}"
                    )
                editor.count("delays_clipped", int(outside.sum()))
            if self.step:
                delay = self.shortest + np.rint((delay - self.shortest) / self.step) * self.step
            synapses.put_delay(np.clip(delay, self.shortest, self.longest))
