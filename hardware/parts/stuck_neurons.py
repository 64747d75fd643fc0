"""Stuck neurons: single neuron circuits of a device that spike all the time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import BROKEN, Part
from eventsim.hardware.parts.without_effect import no_parameter
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["StuckNeurons"]


@register("hardware", "stuck-neurons")
@dataclass(frozen=True, slots=True, repr=False)
class StuckNeurons(Part):
    """Each spiking neuron is stuck with some probability: a constant current makes it spike regularly.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    period : time from spike to spike without the refractory time, in units of tau_mem, > 0.
    """

    fraction: float = 0.0
    period: float = 1.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)
        if not one_number(self.period, "period", low=0) > 0:
            raise ValueError(f"period must be positive, got {self.period!r}")

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.fraction > 0

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        return no_parameter(network, "i_ext", may_be_zero=True)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Drive stuck neurons."""
        # From reset the membrane relaxes to v_leak + i tau/c; after the period it is to be at threshold.
        decay = np.exp(-self.period)
        for name in editor.neurons:
            if editor.has(name, "i_ext"):
                v_leak, v_th, v_reset = (editor.values(name, key) for key in ("v_leak", "v_th", "v_reset"))
                goal = (v_th - v_reset * decay) / (1.0 - decay)
                current = (goal - v_leak) * editor.values(name, "c_mem") / editor.values(name, "tau_mem")
                stuck = editor.uniforms(name, self.stream) < self.fraction
                editor.put(name, "i_ext", np.where(stuck, current, editor.values(name, "i_ext")))
