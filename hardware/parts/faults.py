"""What is broken in a device: synapses and neurons that do nothing, or something else than asked for."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import BROKEN, Part
from eventsim.hardware.placement import Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Projection
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["DeadNeurons", "MissingSynapses", "StuckNeurons", "StuckSynapses"]

Floats = NDArray[np.float64]


def _by_place(part: Part, editor: NetworkEditor, projection: Projection, what: str) -> Floats:
    """Return a uniform number of the place that each synapse of a projection has by its sign."""
    synapses = editor.synapses(projection)
    excitatory, inhibitory = (
        editor.placement.uniforms(editor.device_seed, part.stream, f"{sign} {what}", places)
        for sign, places in zip(("excitatory", "inhibitory"), synapses.places(), strict=True)
    )
    found: Floats = np.where(synapses.weight < 0, inhibitory, excitatory)
    return found


@register("hardware", "missing-synapses")
@dataclass(frozen=True, slots=True)
class MissingSynapses(Part):
    """Synapses do not work with some probability, each for itself; their weights are 0.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    """

    fraction: float = 0.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Set weights of missing synapses to 0."""
        if self.fraction:
            for projection in editor.network.projections:
                synapses = editor.synapses(projection)
                missing = _by_place(self, editor, projection, "missing") < self.fraction
                synapses.put_weight(np.where(missing, 0.0, synapses.weight))


@register("hardware", "stuck-synapses")
@dataclass(frozen=True, slots=True)
class StuckSynapses(Part):
    """Synapses are stuck at a weight of their own with some probability: uniform from 0 to the largest.

    The sign is that of the row, so that of the weight that was asked for.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    largest : the largest weight that a synapse can be stuck at.
    """

    fraction: float = 0.0
    largest: float = 1.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)
        one_number(self.largest, "largest", low=0)

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Set weights of stuck synapses."""
        if self.fraction:
            for projection in editor.network.projections:
                synapses = editor.synapses(projection)
                stuck = _by_place(self, editor, projection, "stuck") < self.fraction
                size = self.largest * _by_place(self, editor, projection, "weight")
                there = np.where(synapses.weight < 0, -size, size)
                synapses.put_weight(np.where(stuck, there, synapses.weight))


@register("hardware", "dead-neurons")
@dataclass(frozen=True, slots=True)
class DeadNeurons(Part):
    """Neurons never spike with some probability, each for itself.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    """

    fraction: float = 0.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)

    def transmit(self, transmission: TransmissionParameters, placement: Placement, trials: Trials) -> None:
        """Lose all spikes of dead neurons."""
        if self.fraction and not transmission.is_source:
            u = placement.uniforms(trials.device_seed, self.stream, "circuit", transmission.places)
            transmission.probability[u < self.fraction] = 0.0
            if transmission.loss_keys is None:
                transmission.loss_keys = trials.keys(self.stream, "spike", transmission.places)


@register("hardware", "stuck-neurons")
@dataclass(frozen=True, slots=True)
class StuckNeurons(Part):
    """Spiking neurons spike all the time with some probability: a constant current drives them.

    Attributes
    ----------
    fraction : probability, in [0, 1].
    period : from spike to spike beyond the refractory time, in tau_mem, > 0.
    """

    fraction: float = 0.0
    period: float = 1.0
    stage: ClassVar[int] = BROKEN

    def __post_init__(self) -> None:
        one_number(self.fraction, "fraction", low=0, high=1)
        if not one_number(self.period, "period", low=0) > 0:
            raise ValueError(f"period must be positive, got {self.period!r}")

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Drive stuck neurons."""
        if not self.fraction:
            return
        for name in editor.neurons:
            if not editor.has(name, "i_ext"):
                continue
            places = editor.placement.circuits[name]
            u = editor.placement.uniforms(editor.device_seed, self.stream, "circuit", places)
            v_leak, v_th, v_reset = (editor.values(name, key) for key in ("v_leak", "v_th", "v_reset"))
            # From reset the membrane relaxes to v_leak + i tau/c; it is to be at threshold after the period.
            decay = np.exp(-self.period)
            goal = (v_th - v_reset * decay) / (1.0 - decay)
            current = (goal - v_leak) * editor.values(name, "c_mem") / editor.values(name, "tau_mem")
            editor.put(name, "i_ext", np.where(u < self.fraction, current, editor.values(name, "i_ext")))
