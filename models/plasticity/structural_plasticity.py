"""Structural plasticity: synapses that are of no use get another source at random.

    w += rate (causal - anticausal) / expected + homeostasis w (1 - events / expected)

with what the target should fire in a period, `expected`. Homeostasis is multiplicative: what predicts the
target's events settles where both terms cancel, at the same weight for all such synapses, and a young one
grows to it; what does not falls, and all fall together once the target fires too much. Fewer inputs then fire
it no longer, and the more of them belong together the less each of them needs.

A synapse whose weight falls below `prune_below` gets a random label, of those that its target does not listen
to yet, and a small weight; so, now and then, does one whose weight cannot grow while its target stays silent.
As the fan-in is fixed, the sources of a dendrite come to be those that are active together. After Schemmel et
al. 2017, whose rule is described in words only.
"""

from dataclasses import dataclass

import numpy as np

from eventsim.models.plasticity.plasticity_kernel import SynapseRows
from eventsim.parameters import one_number, whole_number


@dataclass(frozen=True, slots=True)
class HomeostaticSTDP:
    """Kernel that changes weights by the difference of the accumulators, and keeps targets at a rate.

    Attributes
    ----------
    rate : steps of the weight for what correlates as it should.
    homeostasis : share of its weight by which a synapse of a silent target grows.
    target_rate : events per unit of time.
    """

    rate: float = 3.0
    homeostasis: float = 0.3
    target_rate: float = 1.75e-3

    def __post_init__(self) -> None:
        """Check the parameters."""
        for name in ("rate", "homeostasis"):
            one_number(getattr(self, name), name)
        if not one_number(self.target_rate, "target_rate") > 0:
            raise ValueError(f"target_rate must be positive, got {self.target_rate!r}")

    def __call__(self, rows: SynapseRows) -> None:
        """Change the weights."""
        expected = self.target_rate * rows.period
        wanted = 1.0 - rows.events[rows.target] / expected
        pairs = (rows.causal - rows.anticausal) / expected
        rows.add(self.rate * pairs + self.homeostasis * rows.weight * wanted)


@dataclass(frozen=True, slots=True)
class StructuralPlasticity:
    """Kernel that changes weights by another kernel, then gives useless synapses other sources.

    Attributes
    ----------
    weights : kernel for the weights.
    prune_below : weight below which a synapse is given up; 0 for never.
    start : weight of a synapse with a new source.
    turnover : share of the synapses at their largest weight that a silent target gives up as well.
    """

    weights: HomeostaticSTDP = HomeostaticSTDP()
    prune_below: int = 12
    start: int = 20
    turnover: float = 0.1

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not callable(self.weights):
            raise TypeError(f"weights must be a kernel, such as HomeostaticSTDP(), got {self.weights!r}")
        for name in ("prune_below", "start"):
            whole_number(getattr(self, name), name)
        one_number(self.turnover, "turnover", low=0, high=1)

    def __call__(self, rows: SynapseRows) -> None:
        """Change weights and labels."""
        self.weights(rows)
        if not self.prune_below:
            return
        hopeless = (rows.events[rows.target] == 0) & (rows.weight == rows.weight_max)
        unlucky = rows.random.random(len(rows.weight)) < self.turnover
        given_up = (rows.weight < self.prune_below) | (hopeless & unlucky)
        rows.draw_labels(given_up, distinct=True)
        rows.weight[:] = np.where(given_up, self.start, rows.weight)
