"""Plasticity that depends on the timing of single spikes: pairs and triplets.

Traces jump by 1 at spikes (to 1 where only nearest spikes pair) and decay in between:

    tau_plus dx/dt = -x,  tau_plus_triplet dX/dt = -X     spikes of the source
    tau_minus dy/dt = -y, tau_minus_triplet dY/dt = -Y    spikes of the target

    at a spike of the target:  w += x (a_plus + a_plus_triplet Y) (1 - w / w_max)^mu_plus
    at a spike of the source:  w -= y (a_minus + a_minus_triplet X) (w / w_max)^mu_minus

with the values of X and Y just before the spike, and weights kept in [0, w_max]. Spikes of source and target
that reach the synapse together do not pair with each other.

The delay is dendritic by default, as in NEST: the synapse sees a spike of its source when it is emitted, and
one of its target a delay later. If it is axonal, the synapse sees a spike of its source when it arrives, and
one of its target at once. In both cases the arriving spike acts with the weight after it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim.errors import ConfigError
from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses

DELAYS = ("dendritic", "axonal")


def _check(rule: Any, positive: tuple[str, ...], not_negative: tuple[str, ...]) -> None:
    """Raise ValueError or TypeError if a parameter does not do."""
    for name in positive:
        if not one_number(getattr(rule, name), name) > 0:
            raise ValueError(f"{name} must be positive, got {getattr(rule, name)!r}")
    for name in not_negative:
        one_number(getattr(rule, name), name, low=0)
    if rule.delay not in DELAYS:
        raise ValueError(f"delay must be one of {', '.join(DELAYS)}, got {rule.delay!r}")


def _attach(synapses: Synapses, engine: Engine | None, **parameters: Any) -> object:
    """Let weights follow pairs of spikes, and rates of targets if they are scaled already."""
    from eventsim.models.plasticity._scaled_pairs import ScaledPairs
    from eventsim.models.plasticity._scaling import Scaling
    from eventsim.models.plasticity._spike_pairs import SpikePairs

    weight = synapses.edges()[2]
    w_max = parameters["w_max"]
    outside = weight[~((weight >= 0) & (weight <= w_max))]
    if len(outside):
        raise ConfigError(
            f"plastic weights of {synapses.name!r} must lie between 0 and w_max = {w_max:g}, "
            f"got {outside[0]:g}"
        )
    rule = SimpleNamespace(**parameters)
    for other in synapses.observers:
        if isinstance(other, Scaling):
            if other.dendritic != rule.dendritic:
                seen = " and ".join(repr(DELAYS[not each.dendritic]) for each in (rule, other))
                raise ConfigError(f"the rules of {synapses.name!r} must have the same delay, got {seen}")
            return synapses.attach(ScaledPairs(synapses, engine, rule, other), engine)
    return synapses.attach(SpikePairs(synapses, engine, rule), engine)


@register("plasticity", "pair-stdp")
@dataclass(frozen=True, slots=True)
class PairSTDP:
    """Spike-timing-dependent plasticity of pairs, `stdp_synapse` of NEST.

    A weight grows by learning_rate w_max (1 - w / w_max)^mu_plus x at a spike of its target and falls by
    alpha learning_rate w_max (w / w_max)^mu_minus y at one of its source.

    Attributes
    ----------
    learning_rate : share of w_max that a pair without delay adds at w = 0.
    w_max : largest weight; weights stay in [0, w_max].
    alpha : depression relative to potentiation.
    tau_plus, tau_minus : of the traces of source and target, in the network's time unit.
    mu_plus, mu_minus : 0 for additive rules with hard bounds, 1 for multiplicative ones with soft bounds.
    pairs : "all", or "nearest": each spike pairs with the last one of the other side.
    delay : "dendritic" or "axonal"; see the module.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[10.0, 60.0]), 1)
    >>> _ = net.add("cell", es.models.LIF(v_th=0.1), 1)
    >>> _ = net.connect("input", "cell", weight=1.0, delay=1.0)
    >>> net.add_plasticity("input->cell", es.models.plasticity.PairSTDP(w_max=2.0))
    >>> sim = es.Simulation(net)
    >>> sim.run(100.0)
    >>> pre, post, weight, delay = sim.weights("input->cell")
    >>> weight.shape
    (1,)
    """

    learning_rate: float = 0.01
    w_max: float = 1.0
    alpha: float = 1.0
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    mu_plus: float = 1.0
    mu_minus: float = 1.0
    pairs: str = "all"
    delay: str = "dendritic"

    paper: ClassVar[str] = "Gütig et al. 2003, learning input correlations"
    takes_scaling: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, ("w_max", "tau_plus", "tau_minus"), ("learning_rate", "alpha", "mu_plus", "mu_minus"))
        if self.pairs not in ("all", "nearest"):
            raise ValueError(f"pairs must be all or nearest, got {self.pairs!r}")

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return "pair STDP with delay='axonal'" if self.delay == "axonal" else None

    @property
    def delays_may_change(self) -> bool:
        """Whether `Simulation.set_delays` may change the delays: where only arrivals count."""
        return self.delay == "axonal"

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return 0.0, self.w_max

    @property
    def follows_targets(self) -> bool:
        """Whether the weights follow spikes of the targets: True."""
        return True

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("pair STDP acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes."""
        step = self.learning_rate * self.w_max
        return _attach(
            synapses,
            engine,
            w_max=self.w_max,
            a_plus=step,
            a_minus=self.alpha * step,
            a_plus_triplet=0.0,
            a_minus_triplet=0.0,
            tau_plus=self.tau_plus,
            tau_minus=self.tau_minus,
            tau_plus_triplet=1.0,
            tau_minus_triplet=1.0,
            mu_plus=self.mu_plus,
            mu_minus=self.mu_minus,
            nearest=self.pairs == "nearest",
            dendritic=self.delay == "dendritic",
        )


@register("plasticity", "triplet-stdp")
@dataclass(frozen=True, slots=True)
class TripletSTDP:
    """Plasticity of triplets of spikes with hard bounds, `stdp_triplet_synapse` of NEST.

    Attributes
    ----------
    a_plus, a_minus : change of the weight by a pair.
    a_plus_triplet, a_minus_triplet : change by a triplet.
    tau_plus, tau_minus, tau_plus_triplet, tau_minus_triplet : of the traces x, y, X, Y of the module.
    w_max : largest weight; weights stay in [0, w_max].
    delay : "dendritic" or "axonal"; see the module.
    """

    a_plus: float = 5e-10
    a_minus: float = 7e-3
    a_plus_triplet: float = 6.2e-3
    a_minus_triplet: float = 2.3e-4
    tau_plus: float = 16.8
    tau_minus: float = 33.7
    tau_plus_triplet: float = 101.0
    tau_minus_triplet: float = 125.0
    w_max: float = 1.0
    delay: str = "dendritic"

    paper: ClassVar[str] = "Pfister and Gerstner 2006, triplets of spikes"
    takes_scaling: ClassVar[bool] = True

    def __post_init__(self) -> None:
        times = ("tau_plus", "tau_minus", "tau_plus_triplet", "tau_minus_triplet")
        _check(self, (*times, "w_max"), ("a_plus", "a_minus", "a_plus_triplet", "a_minus_triplet"))

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return "triplet STDP with delay='axonal'" if self.delay == "axonal" else None

    @property
    def delays_may_change(self) -> bool:
        """Whether `Simulation.set_delays` may change the delays: where only arrivals count."""
        return self.delay == "axonal"

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return 0.0, self.w_max

    @property
    def follows_targets(self) -> bool:
        """Whether the weights follow spikes of the targets: True."""
        return True

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("triplet STDP acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes."""
        return _attach(
            synapses,
            engine,
            w_max=self.w_max,
            a_plus=self.a_plus,
            a_minus=self.a_minus,
            a_plus_triplet=self.a_plus_triplet,
            a_minus_triplet=self.a_minus_triplet,
            tau_plus=self.tau_plus,
            tau_minus=self.tau_minus,
            tau_plus_triplet=self.tau_plus_triplet,
            tau_minus_triplet=self.tau_minus_triplet,
            mu_plus=0.0,
            mu_minus=0.0,
            nearest=False,
            dendritic=self.delay == "dendritic",
        )
