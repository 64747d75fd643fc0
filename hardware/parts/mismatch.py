"""Mismatch: a parameter differs from place to place by a pattern that is fixed in the device."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import ANALOG, Part
from eventsim.hardware.parts.without_effect import no_delays, no_parameter, no_projections
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["Mismatch"]

Floats = NDArray[np.float64]

CUT = 3.0  # standard deviations at which a normal distribution is cut off


@register("hardware", "mismatch")
@dataclass(frozen=True, slots=True, repr=False)
class Mismatch(Part):
    """A parameter differs from neuron to neuron, synapse to synapse or delay to delay (fixed pattern).

    Each place of the device has a standard normal number x, drawn once. With kind "normal" a value becomes
    ``value * (1 + sigma x)``, x cut off at 3 standard deviations; with "lognormal" it becomes
    ``value * exp(sigma x - sigma^2 / 2)``, which has the same mean. Of a threshold, the distance from v_leak
    is multiplied.

    Attributes
    ----------
    parameter : "weight", "delay", or a parameter of neurons such as "v_th", "tau_mem", "tau_syn"; neurons
        without this parameter stay as they are.
    sigma : relative standard deviation, >= 0; at most 0.3 if normal, since values must stay positive.
    kind : "normal" or "lognormal".
    """

    parameter: str = "v_th"
    sigma: float = 0.0
    kind: Literal["normal", "lognormal"] = "normal"
    stage: ClassVar[int] = ANALOG

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)
        if self.kind not in ("normal", "lognormal"):
            raise ValueError(f"kind must be 'normal' or 'lognormal', got {self.kind!r}")
        if self.kind == "normal" and self.sigma > 0.3:
            raise ValueError(
                f"sigma of a normal mismatch must be at most 0.3, got {self.sigma}; use kind='lognormal'"
            )

    @property
    def stream(self) -> str:
        """Name of the stream; of an earlier version, since the pattern of a device follows from it."""
        return f"Spread {self.parameter}"

    def factors(self, x: Floats) -> Floats:
        """Return the factors of places with the standard normal numbers x."""
        if self.kind == "lognormal":
            factors: Floats = np.exp(self.sigma * x - 0.5 * self.sigma**2)
        else:
            factors = 1.0 + self.sigma * np.clip(x, -CUT, CUT)
        return factors

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.sigma > 0

    @property
    def names_a_parameter(self) -> bool:
        """Whether `parameter` is one of neurons."""
        return self.parameter not in ("weight", "delay")

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        if self.parameter == "weight":
            return no_projections(network)
        if self.parameter == "delay":
            return no_delays(network)
        return no_parameter(network, self.parameter, ("delay", "weight"))

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Multiply the parameter by a factor of each place."""
        if self.parameter in ("weight", "delay"):
            for projection in editor.network.projections:
                synapses = editor.synapses(projection)
                if self.parameter == "weight":
                    synapses.put_weight(synapses.weight * self.factors(synapses.normals(self.stream)))
                elif projection.name in editor.placement.elements:
                    x = editor.element_normals(projection, self.stream)
                    synapses.multiply_delays(self.factors(x))
            return
        for name in editor.neurons:
            if editor.has(name, self.parameter):
                editor.multiply(name, self.parameter, self.factors(editor.normals(name, self.stream)))
