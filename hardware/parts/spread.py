"""Deviations that are fixed in a device: from place to place, and those that all places share."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import ANALOG, Part
from eventsim.network import Projection
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["Mismatch", "Offset"]

Floats = NDArray[np.float64]

CUT = 3.0  # standard deviations, beyond which a normal spread is cut off


@register("hardware", "mismatch")
@dataclass(frozen=True, slots=True)
class Mismatch(Part):
    """A parameter differs from place to place: from neuron to neuron, synapse to synapse, delay to delay.

    With x standard normal, drawn once for each place of the device, a value becomes ``value * (1 + sigma
    x)``, x cut off at 3 standard deviations; or lognormal, ``value * exp(sigma x - sigma^2 / 2)``, with the
    same mean. A threshold keeps its rest: its distance from v_leak is what is spread.

    Attributes
    ----------
    parameter : "weight", "delay", or a parameter of neurons such as "v_th", "tau_mem", "tau_syn"; neurons
        that do not have it stay as they are.
    sigma : relative standard deviation, >= 0; for a normal spread at most 0.3, lest values become negative.
    kind : "normal" or "lognormal".
    """

    parameter: str = "v_th"
    sigma: float = 0.0
    kind: Literal["normal", "lognormal"] = "normal"
    stage: ClassVar[int] = ANALOG

    def __post_init__(self) -> None:
        one_number(self.sigma, "sigma", low=0)
        if self.kind not in ("normal", "lognormal"):
            raise ValueError(f"kind must be normal or lognormal, got {self.kind!r}")
        if self.kind == "normal" and self.sigma > 0.3:
            raise ValueError(
                f"sigma of a normal spread must be at most 0.3, got {self.sigma}; use kind='lognormal'"
            )

    @property
    def stream(self) -> str:
        """Name of the stream; of an earlier version, since the pattern of a device follows from it."""
        return f"Spread {self.parameter}"

    def factors(self, x: Floats) -> Floats:
        """Return what values at places with the standard normal numbers x are multiplied by."""
        if self.kind == "lognormal":
            factors: Floats = np.exp(self.sigma * x - 0.5 * self.sigma**2)
        else:
            factors = 1.0 + self.sigma * np.clip(x, -CUT, CUT)
        return factors

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Multiply the parameter by a factor of each place."""
        if self.sigma == 0:
            return
        if self.parameter in ("weight", "delay"):
            for projection in editor.network.projections:
                if self.parameter == "weight":
                    self._weights(editor, projection)
                elif projection.name in editor.placement.elements:
                    self._delays(editor, projection)
            return
        for name in editor.neurons:
            if editor.has(name, self.parameter):
                places = editor.placement.circuits[name]
                x = editor.placement.normals(editor.device_seed, self.stream, "circuit", places)
                editor.multiply(name, self.parameter, self.factors(x))

    def _weights(self, editor: NetworkEditor, projection: Projection) -> None:
        synapses = editor.synapses(projection)
        x = [
            editor.placement.normals(editor.device_seed, self.stream, sign, places)
            for sign, places in zip(("excitatory", "inhibitory"), synapses.places(), strict=True)
        ]
        factors = self.factors(np.where(synapses.weight < 0, x[1], x[0]))
        synapses.put_weight(synapses.weight * factors)

    def _delays(self, editor: NetworkEditor, projection: Projection) -> None:
        places = editor.placement.elements[projection.name]
        x = editor.placement.normals(editor.device_seed, self.stream, "element", places)
        editor.synapses(projection).multiply_delays(self.factors(x))


@register("hardware", "offset")
@dataclass(frozen=True, slots=True)
class Offset(Part):
    """A parameter of all neurons differs from what was asked for by the same: ``factor * value + offset``.

    Of thresholds it is the distance from v_leak that is multiplied. A wrong ratio of time constants is a
    factor of tau_mem.

    Attributes
    ----------
    parameter : of neurons, such as "v_th", "tau_mem", "tau_syn".
    factor : > 0.
    offset : added, in the parameter's unit.
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

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Move the parameter."""
        if self.factor == 1 and self.offset == 0:
            return
        for name in editor.neurons:
            if editor.has(name, self.parameter):
                editor.multiply(name, self.parameter, self.factor, self.offset)
