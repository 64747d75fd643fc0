"""Sources of rates: values from outside, and traces of spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.rates.ticks import Continuous


@register("neuron", "rate-input")
@dataclass(frozen=True, slots=True)
class RateInput:
    """Units whose rate is an input signal, set by `Simulation.set_input`; 0 before."""

    variables: ClassVar[tuple[str, ...]] = ("rate",)
    is_source: ClassVar[bool] = True
    is_continuous: ClassVar[bool] = True

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that shows its input signal."""
        from eventsim.models.inputs._rates import RateInputPopulation

        return RateInputPopulation(context)


@register("neuron", "spike-trace")
@dataclass(frozen=True, slots=True)
class SpikeTrace:
    """Units whose rate is the trace that arriving spikes leave: each adds its weight, which then decays.

    It leads from spikes to rates: connect a spiking population to it one to one, and it to others.

    Attributes
    ----------
    tau_syn : float
        Time constant of the decay, time unit of the network, > 0.
    """

    tau_syn: float = 10.0

    variables: ClassVar[tuple[str, ...]] = ("rate",)
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if the time constant is not positive."""
        if not one_number(self.tau_syn, f"tau_syn of {name!r}", low=0) > 0:
            raise ValueError(f"tau_syn of {name!r} must be positive, got {self.tau_syn!r}")

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that keeps these traces."""
        from eventsim.models.inputs._rates import SpikeTracePopulation

        return SpikeTracePopulation(context, float(self.tau_syn))


@register("neuron", "rate-spikes")
@dataclass(frozen=True, slots=True)
class RateSpikes:
    """Units that turn the rates they receive into Poisson spikes at their own times.

    It leads from rates to spikes: connect rates to it, and it to spiking neurons.

    Attributes
    ----------
    scale : float
        Spikes per unit of the network's time for an input of 1; a negative input is silent.
    """

    scale: float = 1.0

    variables: ClassVar[tuple[str, ...]] = ("rate",)
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    emits_spikes: ClassVar[bool] = True

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if the scale is not positive."""
        if not one_number(self.scale, f"scale of {name!r}", low=0) > 0:
            raise ValueError(f"scale of {name!r} must be positive, got {self.scale!r}")

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that spikes."""
        from eventsim import rng
        from eventsim.models.inputs._rates import RateSpikesPopulation

        return RateSpikesPopulation(
            context, float(self.scale), rng.unit_keys(context.run_seed, context.n, "spikes", context.name)
        )
