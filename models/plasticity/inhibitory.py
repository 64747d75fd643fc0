"""Inhibitory plasticity that keeps its targets at a rate (Vogels et al. 2011).

Traces jump by 1 at spikes and decay with tau: x of the source, y of the target. For the strength |w| of an
inhibitory synapse, whose weight is negative,

    at a spike of the target:  |w| += learning_rate x
    at a spike of the source:  |w| += learning_rate (y - 2 target_rate tau)

so a target that fires more than `target_rate` gets more inhibition, and one that fires less gets less.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim.errors import ConfigError
from eventsim.models.plasticity.spike_timing import DELAYS
from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses


@register("plasticity", "inhibitory-stdp")
@dataclass(frozen=True, slots=True)
class InhibitorySTDP:
    """Inhibitory plasticity that keeps its targets at a rate, `vogels_sprekeler_synapse` of NEST.

    Attributes
    ----------
    learning_rate : change of the weight by a pair without delay.
    target_rate : spikes of a target per unit of the network's time, such as 0.005 per ms for 5 Hz.
    tau : of the traces of source and target, in the network's time unit.
    w_max : largest strength; weights stay in [-w_max, 0].
    delay : "dendritic" or "axonal"; see `spike_timing`.

    Examples
    --------
    A driven cell comes down to 10 Hz.

    >>> import eventsim as es
    >>> net = es.Network(seed=1)
    >>> _ = net.add("inhibitory", es.models.Poisson(rate=20.0), 50)
    >>> _ = net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0, i_ext=0.15, t_ref=2.0), 1)
    >>> _ = net.connect("inhibitory", "cell", weight=0.0, delay=1.0)
    >>> rule = es.models.plasticity.InhibitorySTDP(learning_rate=5e-4, target_rate=0.01)
    >>> net.add_plasticity("inhibitory->cell", rule)
    >>> sim = es.Simulation(net)
    >>> sim.run(12000.0)
    >>> late = sim.spikes("cell").times > 2000.0
    >>> bool(90 < late.sum() < 130)
    True
    """

    learning_rate: float = 0.001
    target_rate: float = 0.005
    tau: float = 20.0
    w_max: float = 1.0
    delay: str = "dendritic"

    paper: ClassVar[str] = "Vogels et al. 2011, inhibitory plasticity"

    def __post_init__(self) -> None:
        for name in ("tau", "w_max"):
            if not one_number(getattr(self, name), name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("learning_rate", "target_rate"):
            one_number(getattr(self, name), name, low=0)
        if self.delay not in DELAYS:
            raise ValueError(f"delay must be one of {', '.join(DELAYS)}, got {self.delay!r}")

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return "inhibitory STDP with delay='axonal'" if self.delay == "axonal" else None

    @property
    def delays_may_change(self) -> bool:
        """Whether `Simulation.set_delays` may change the delays: where only arrivals count."""
        return self.delay == "axonal"

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return -self.w_max, 0.0

    @property
    def follows_targets(self) -> bool:
        """Whether the weights follow spikes of the targets: True."""
        return True

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("inhibitory STDP acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes."""
        from eventsim.models.plasticity._spike_pairs import InhibitoryPairs

        weight = synapses.edges()[2]
        outside = weight[~((weight <= 0) & (weight >= -self.w_max))]
        if len(outside):
            raise ConfigError(
                f"inhibitory weights of {synapses.name!r} must lie between -w_max = {-self.w_max:g} and 0, "
                f"got {outside[0]:g}"
            )
        rule = SimpleNamespace(
            w_max=self.w_max,
            a_plus=self.learning_rate,
            a_minus=self.learning_rate * 2.0 * self.target_rate * self.tau,
            a_plus_triplet=0.0,
            a_minus_triplet=0.0,
            tau_plus=self.tau,
            tau_minus=self.tau,
            tau_plus_triplet=1.0,
            tau_minus_triplet=1.0,
            mu_plus=0.0,
            mu_minus=0.0,
            nearest=False,
            dendritic=self.delay == "dendritic",
        )
        return synapses.attach(InhibitoryPairs(synapses, engine, rule), engine)
