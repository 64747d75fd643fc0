"""Synaptic scaling: all weights of a target follow its rate (van Rossum et al. 2000).

    tau da/dt = -a,  a += 1 / tau at each spike of the target        its rate
    dw/dt = learning_rate (target_rate - a) w        for w > 0; with the other sign for w < 0

In closed form w(t) = w(0) exp(+-learning_rate (target_rate t - n(t) + tau a(t))), with the number n of spikes
of the target. A weight keeps its sign, and the weights of one sign of a target their ratios.

With dendritic delays, a synapse sees a spike of its source when it is emitted, and its target a delay later:
a spike that arrives at t meets the weight of t - 2 delay. With axonal ones it meets that of t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim.errors import ConfigError
from eventsim.models.plasticity.spike_timing import DELAYS
from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses


@register("plasticity", "synaptic-scaling")
@dataclass(frozen=True, slots=True)
class SynapticScaling:
    """Homeostasis: all weights of a target are multiplied by a factor that follows its rate.

    The projection may have short-term plasticity too, and `PairSTDP` or `TripletSTDP` with the same `delay`;
    then weights stay within [0, w_max] at all times. It may have no other rule that changes its weights.

    Attributes
    ----------
    target_rate : spikes of a target per unit of the network's time, such as 0.005 per ms for 5 Hz.
    learning_rate : share by which weights change when the number of spikes is off by one.
    tau : time constant of the estimate of the rate, in the network's time unit.
    delay : "dendritic" or "axonal"; see the module.

    Examples
    --------
    A cell with weak synapses comes to 20 Hz.

    >>> import eventsim as es
    >>> net = es.Network(seed=1)
    >>> _ = net.add("input", es.models.Poisson(rate=20.0), 50)
    >>> _ = net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=2.0), 1)
    >>> _ = net.connect("input", "cell", weight=0.05, delay=1.0)
    >>> rule = es.models.plasticity.SynapticScaling(target_rate=0.02, learning_rate=0.01)
    >>> net.add_plasticity("input->cell", rule)
    >>> sim = es.Simulation(net)
    >>> sim.run(20000.0)
    >>> late = sim.spikes("cell").times > 10000.0
    >>> bool(180 < late.sum() < 220)
    True
    """

    target_rate: float = 0.005
    learning_rate: float = 0.001
    tau: float = 100.0
    delay: str = "dendritic"

    paper: ClassVar[str] = "van Rossum et al. 2000, stable Hebbian learning"
    scales_weights: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not one_number(self.tau, "tau") > 0:
            raise ValueError(f"tau must be positive, got {self.tau!r}")
        for name in ("learning_rate", "target_rate"):
            one_number(getattr(self, name), name, low=0)
        if self.delay not in DELAYS:
            raise ValueError(f"delay must be one of {', '.join(DELAYS)}, got {self.delay!r}")

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return "synaptic scaling with delay='axonal'" if self.delay == "axonal" else None

    @property
    def follows_targets(self) -> bool:
        """Whether the weights follow spikes of the targets: True."""
        return True

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("synaptic scaling acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow the rates of its targets."""
        from eventsim.models.plasticity._scaling import Scaling

        return synapses.attach(Scaling(synapses, engine, self), engine)
