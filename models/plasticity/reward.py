"""Spike-timing-dependent plasticity that acts when a reward comes (Izhikevich 2007).

    tau_plus dx/dt = -x,  x += 1 at a spike of the source;  tau_minus dy/dt = -y,  y += 1 at one of the target
    tau_eligibility dc/dt = -c,  c += a_plus x at a spike of the target,  c -= a_minus y at one of the source
    tau_dopamine dn/dt = -n,  n += 1 / tau_dopamine at each spike of the population `reward`
    dw/dt = c (n - baseline), within [0, w_max]

Everything follows in closed form from spike to spike; the bounds act at spikes. Spikes that reach the
synapse together do not pair. If the delay is axonal, the synapse sees a spike of its source when it arrives,
and one of its target at once; if it is dendritic, one of its source when it is emitted, and one of its target
a delay later. In both cases it sees one of `reward` when it is emitted, and the arriving spike acts with the
weight after it was seen.
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


@register("plasticity", "reward-stdp")
@dataclass(frozen=True, slots=True)
class RewardSTDP:
    """Pairs of spikes mark synapses; dopamine, which spikes of a population release, changes their weights.

    With dendritic delays it runs on the windows schedule too, with the same bits.

    Attributes
    ----------
    reward : name of the population whose spikes release dopamine.
    a_plus, a_minus : eligibility that a pair without delay adds or takes.
    tau_plus, tau_minus : of the traces of source and target, in the network's time unit.
    tau_eligibility, tau_dopamine : decay of eligibility and of dopamine.
    baseline : level of dopamine at which weights stay.
    w_max : largest weight; weights stay in [0, w_max].
    delay : "axonal" or "dendritic"; see the module.

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
    delay: str = "axonal"

    paper: ClassVar[str] = "Izhikevich 2007, distal reward"
    follows_targets: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.reward, str):
            raise TypeError(f"reward must be the name of a population, got {self.reward!r}")
        for name in ("tau_plus", "tau_minus", "tau_eligibility", "tau_dopamine", "w_max"):
            if not one_number(getattr(self, name), name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("a_plus", "a_minus", "baseline"):
            one_number(getattr(self, name), name, low=0)
        if self.delay not in DELAYS:
            raise ValueError(f"delay must be one of {', '.join(DELAYS)}, got {self.delay!r}")

    @property
    def needs_order(self) -> str | None:
        """What needs the ordered schedule: axonal delays, for which targets' latest spikes count."""
        return "reward-modulated STDP with delay='axonal'" if self.delay == "axonal" else None

    @property
    def modulator(self) -> str:
        """The population whose spikes are seen too."""
        return self.reward

    @property
    def weight_bounds(self) -> tuple[float, float]:
        """The least and the largest weight."""
        return 0.0, self.w_max

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("reward-modulated STDP acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let the weights of a projection follow its spikes and those of `reward`."""
        from eventsim.models.plasticity._reward import RewardPairs

        weight = synapses.edges()[2]
        outside = weight[~((weight >= 0) & (weight <= self.w_max))]
        if len(outside):
            raise ConfigError(
                f"plastic weights of {synapses.name!r} must lie between 0 and w_max = {self.w_max:g}, "
                f"got {outside[0]:g}"
            )
        rule = SimpleNamespace(
            reward=self.reward,
            a_plus=self.a_plus,
            a_minus=self.a_minus,
            a_plus_triplet=0.0,
            a_minus_triplet=0.0,
            tau_plus=self.tau_plus,
            tau_minus=self.tau_minus,
            tau_plus_triplet=1.0,
            tau_minus_triplet=1.0,
            mu_plus=0.0,
            mu_minus=0.0,
            tau_eligibility=self.tau_eligibility,
            tau_dopamine=self.tau_dopamine,
            baseline=self.baseline,
            w_max=self.w_max,
            nearest=False,
            dendritic=self.delay == "dendritic",
        )
        return synapses.attach(RewardPairs(synapses, engine, rule), engine)
