"""Short-term depression and facilitation (Tsodyks and Markram).

A share x of the resources of a synapse is available, of which a spike uses the share u:

    tau_rec dx/dt = 1 - x        tau_fac du/dt = -u        between spikes
    u += U (1 - u),  then the weight acts as w u x,  then x -= u x        at a spike of the source

Both follow in closed form from one spike to the next. A source that has been silent for long acts with w U.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError
from eventsim.parameters import per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.engine import Engine
    from eventsim.synapses import Synapses


@register("plasticity", "short-term")
@dataclass(frozen=True, slots=True, eq=False)
class ShortTermPlasticity:
    """Depression and facilitation of a projection, `tsodyks2_synapse` of NEST with u = U at the start.

    Weights stay as they are; a spike acts with w u x. The projection may have another rule that changes them.

    Attributes
    ----------
    utilization : U, the share of the resources that the first spike uses, in (0, 1].
    tau_rec : time constant of recovery, in the network's time unit.
    tau_fac : time constant of facilitation; 0 for none.

    Each is one number, or one for each source. It runs on all schedules.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[1.0, 11.0]), 1)
    >>> _ = net.add("cell", es.models.LIF(tau_syn=1.0, v_th=100.0), 1)
    >>> _ = net.connect("input", "cell", weight=8.0)
    >>> net.add_plasticity("input->cell", es.models.plasticity.ShortTermPlasticity(0.5, tau_rec=1e9))
    >>> sim = es.Simulation(net)
    >>> sim.record("cell", "i_syn", every=1.0)
    >>> sim.run(12.0)
    >>> sim.trace("cell", "i_syn").values[[1, 11], 0].round(3)  # half of 8, half of the rest
    array([4., 2.])
    """

    utilization: ArrayLike = 0.5
    tau_rec: ArrayLike = 800.0
    tau_fac: ArrayLike = 0.0

    paper: ClassVar[str] = "Tsodyks, Pawelzik and Markram 1998, dynamic synapses"
    follows_targets: ClassVar[bool] = False
    changes_weights: ClassVar[bool] = False
    needs_order: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for name in ("utilization", "tau_rec", "tau_fac"):
            value = getattr(self, name)
            self._checked(name, np.size(value), "short-term plasticity")
        if np.max(self.utilization) > 1:
            raise ValueError(f"utilization is a share of at most 1, got {self.utilization!r}")

    def _checked(self, name: str, n: int, of: str) -> NDArray[np.float64]:
        """Return a parameter, one value for each of `n` sources."""
        value = per_unit(
            getattr(self, name), n, name, of, nonnegative=name == "tau_fac", positive=name != "tau_fac"
        )
        return np.full(n, value) if isinstance(value, float) else value

    def attach(self, target: Any) -> None:
        """Refuse projections of rates."""
        raise ConfigError("short-term plasticity acts on projections of spikes")

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Let spikes act with a share of the weights of a projection."""
        from eventsim.models.plasticity._short_term import ShortTerm

        n, name = synapses.pre.n, synapses.name
        values = [self._checked(each, n, name) for each in ("utilization", "tau_rec", "tau_fac")]
        return synapses.attach(ShortTerm(synapses, engine, *values), engine)
