"""Voltage-based plasticity: weights follow the membrane of the target too (Clopath et al. 2010).

    tau_x dx/dt = -x,  x += 1 / tau_x    when a spike of the source arrives
    w -= a_ltd [u_bar_minus(t - d) - theta_minus]+    when a spike of the source arrives
    dw/dt = a_ltp x [v - theta_plus]+ [u_bar_plus(t - d) - theta_minus]+    at all times

with w kept in [w_min, w_max], the filtered membranes u_bar of `ClopathAdEx`, and d = delay_u_bars. With
u_ref_squared depression is homeostatic: it is multiplied by u_bar_bar^2 / u_ref_squared, measured as v is.

The integral is taken when a spike arrives or a weight is read, over the Taylor series that the solver
followed: see `_voltage.pyx`. The series are within `tolerance` of the step's solution at all times of a step,
and the integral adds rounding only; so a change is as exact as the membrane, up to excursions of v or u_bar
above a threshold and back within an eighth of a step.

A spike of the source is seen when it arrives, the membrane at once (an axonal delay).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim.errors import ConfigError
from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses


@register("plasticity", "voltage-stdp")
@dataclass(frozen=True, slots=True)
class VoltageSTDP:
    """Voltage-based plasticity, `clopath_synapse` of NEST; the targets are `ClopathAdEx`.

    It runs on the ordered schedule.

    Attributes
    ----------
    a_ltd : depression by a spike of the source, weight per mV.
    a_ltp : potentiation, weight per mV^2 (the trace x is per time).
    theta_minus : threshold of the filtered membranes, mV.
    theta_plus : threshold of the membrane, mV.
    tau_x : time constant of the trace of the source, in the network's time unit.
    delay_u_bars : how late the filtered membranes act, in the network's time unit.
    u_ref_squared : mV^2; None for depression that does not depend on u_bar_bar.
    w_min, w_max : bounds of the weights, which are in mV.

    Examples
    --------
    Five pairs of spikes at 50 Hz, the target 10 ms after the source.

    >>> import eventsim as es
    >>> net = es.Network()
    >>> for name, first in (("input", 20.0), ("teacher", 29.0)):
    ...     _ = net.add(name, es.models.SpikeSource(times=[first + 20.0 * k for k in range(5)]), 1)
    >>> _ = net.add("cell", es.models.ClopathAdEx(), 1)
    >>> _ = net.connect("input", "cell", weight=0.5)
    >>> _ = net.connect("teacher", "cell", weight=40.0)
    >>> net.add_plasticity("input->cell", es.models.plasticity.VoltageSTDP())
    >>> sim = es.Simulation(net)
    >>> sim.run(150.0)
    >>> bool(sim.weights("input->cell")[2] > 0.5)
    True
    """

    a_ltd: float = 14e-5
    a_ltp: float = 8e-5
    theta_minus: float = -70.6
    theta_plus: float = -45.3
    tau_x: float = 15.0
    delay_u_bars: float = 5.0
    u_ref_squared: float | None = None
    w_min: float = 0.0
    w_max: float = 100.0

    paper: ClassVar[str] = "Clopath et al. 2010, Connectivity reflects coding: a model of voltage-based STDP"
    needs_order: ClassVar[str | None] = "voltage-based plasticity"
    follows_targets: ClassVar[bool] = True
    delays_may_change: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("theta_minus", "theta_plus", "w_min", "w_max"):
            one_number(getattr(self, name), name)
        for name in ("a_ltd", "a_ltp", "delay_u_bars"):
            one_number(getattr(self, name), name, low=0)
        for name in ("tau_x", "u_ref_squared"):
            value = getattr(self, name)
            if not (name == "u_ref_squared" and value is None) and not one_number(value, name) > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if not self.w_min < self.w_max:
            raise ValueError(f"w_min must be below w_max, got {self.w_min!r} and {self.w_max!r}")

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return self.w_min, self.w_max

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("voltage-based plasticity acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes and the membranes of its targets."""
        from eventsim.models.neurons.clopath_neurons import ClopathNeurons
        from eventsim.models.plasticity._voltage import VoltageTraces

        assert engine is not None
        if not isinstance(synapses.post, ClopathNeurons):
            raise ConfigError(
                f"voltage-based plasticity of {synapses.name!r} needs targets that are ClopathAdEx; "
                f"{synapses.post.name!r} is not"
            )
        weight = synapses.edges()[2]
        outside = weight[~((weight >= self.w_min) & (weight <= self.w_max))]
        if len(outside):
            raise ConfigError(
                f"plastic weights of {synapses.name!r} must lie between w_min = {self.w_min:g} and "
                f"w_max = {self.w_max:g}, got {outside[0]:g}"
            )
        return synapses.attach(VoltageTraces(synapses, engine, self), engine)
