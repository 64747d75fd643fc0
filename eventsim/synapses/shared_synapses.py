"""Synapses that several simulations of one network share, such as its trials.

Nobody writes into the arrays of a projection without a plasticity rule: other weights and delays come as new
arrays. So those that one simulation has laid out serve all, and are drawn and held once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.connect.connections import Connections
from eventsim.connect.rules import OneToOne
from eventsim.synapses.procedural_synapses import ProceduralSynapses

if TYPE_CHECKING:
    from eventsim.synapses.synapses import Synapses

__all__ = ["laid_out", "shareable"]


def shareable(sim: Any) -> dict[str, Synapses]:
    """Return the synapses of a simulation that others of the same network may have, by projection."""
    if sim._compiled is None or sim.hardware is not None:
        return {}
    own = {name for name, _ in sim.net.plasticity} | {*sim._changes.weights, *sim._changes.delays}
    own |= {
        each.name for each in sim.net.projections if isinstance(each.rule, OneToOne)
    }  # cheap, and may be drawn
    return {
        each.name: each
        for each in sim._compiled.synapses
        if each.name not in own and not each.observers and not isinstance(each, ProceduralSynapses)
    }


def laid_out(synapses: Synapses) -> Connections:
    """Return what the choice of a schedule needs to know of synapses: how many, and their shortest delay."""
    kind = "synaptic" if "delay" in synapses.arrays else "uniform"
    pre = np.broadcast_to(np.int32(0), synapses.n)  # only their number counts
    weight = synapses.arrays.get("weight", 1.0)
    least = synapses.min_delay
    return Connections(synapses.pre.n, synapses.post.n, pre=pre, weight=weight, delay=least, delay_kind=kind)
