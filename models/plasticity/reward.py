"""Spike-timing-dependent plasticity that acts when a reward comes (Izhikevich 2007).

    tau_plus dx/dt = -x,  x += 1 at a spike of the source;  tau_minus dy/dt = -y,  y += 1 at one of the target
    tau_eligibility dc/dt = -c,  c += a_plus x at a spike of the target,  c -= a_minus y at one of the source
    tau_dopamine dn/dt = -n,  n += 1 / tau_dopamine at each spike of the population `reward`
    dw/dt = c (n - baseline), within [0, w_max]

Everything follows in closed form from spike to spike. A spike of the source is seen when it arrives, one of
the target at once, one of `reward` when it is emitted. Spikes that reach the synapse together do not pair.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.parameters import one_number
from eventsim.population import Population
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses


@register("plasticity", "reward-stdp")
@dataclass(frozen=True, slots=True)
class RewardSTDP:
    """Pairs of spikes mark synapses; dopamine, which spikes of a population release, changes their weights.

    It runs on the ordered schedule.

    Attributes
    ----------
    reward : name of the population whose spikes release dopamine.
    a_plus, a_minus : eligibility that a pair without delay adds or takes.
    tau_plus, tau_minus : of the traces of source and target, in the network's time unit.
    tau_eligibility, tau_dopamine : decay of eligibility and of dopamine.
    baseline : level of dopamine at which weights stay.
    w_max : largest weight; weights stay in [0, w_max].

    Examples
    --------
    A pair at 10 and 15 ms is rewarded at 200 ms.

    >>> import eventsim as es
    >>> net = es.Network()
    >>> for name, time in (("input", 10.0), ("teacher", 15.0), ("reward", 200.0)):
    ...     _ = net.add(name, es.models.SpikeSource(times=[time]), 1)
    >>> _ = net.add("cell", es.models.LIFDelta(v_th=1.0), 1)
    >>> _ = net.connect("input", "cell", weight=0.5)
    >>> _ = net.connect("teacher", "cell", weight=2.0)
    >>> net.add_plasticity("input->cell", es.models.plasticity.RewardSTDP("reward", a_plus=0.1))
    >>> sim = es.Simulation(net)
    >>> sim.run(200.0)
    >>> sim.weights("input->cell")[2]
    array([0.5])
    >>> sim.run(5000.0)
    >>> sim.weights("input->cell")[2].round(4)  # 0.5 + 0.1 exp(-5 / 20) exp(-185 / 1000) / (1 + 200 / 1000)
    array([0.5539])
    """

    reward: str
    a_plus: float = 0.01
    a_minus: float = 0.01
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    tau_eligibility: float = 1000.0
    tau_dopamine: float = 200.0
    baseline: float = 0.0
    w_max: float = 1.0

    paper: ClassVar[str] = "Izhikevich 2007, distal reward"
    needs_order: ClassVar[str | None] = "reward-modulated STDP"
    follows_targets: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.reward, str):
            raise TypeError(f"reward must be the name of a population, got {self.reward!r}")
        for field in fields(self)[1:]:
            value = one_number(getattr(self, field.name), field.name, low=0)
            if field.name.startswith(("tau", "w_max")) and not value > 0:
                raise ValueError(f"{field.name} must be positive, got {value!r}")

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return 0.0, self.w_max

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("reward-modulated STDP acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes and those of `reward`."""
        from eventsim.models.plasticity._reward import RewardPairs, RewardSpikes

        assert engine is not None
        populations = {each.name: each for each in engine.handlers if isinstance(each, Population)}
        if self.reward not in populations:
            raise UnknownPart(
                f"the reward of {synapses.name!r} must come from a population, got {self.reward!r}; known: "
                f"{', '.join(populations)}{did_you_mean(self.reward, populations)}"
            )
        weight = synapses.edges()[2]
        outside = weight[~((weight >= 0) & (weight <= self.w_max))]
        if len(outside):
            raise ConfigError(
                f"plastic weights of {synapses.name!r} must lie between 0 and w_max = {self.w_max:g}, "
                f"got {outside[0]:g}"
            )
        pairs = RewardPairs(synapses, engine, self)
        populations[self.reward].add_sink(RewardSpikes(pairs))
        return synapses.attach(pairs, engine)
