"""Neurons with active dendrites: trees of compartments, each of which may fire an event of its own.

    c_mem dv/dt = g_leak (v_leak - v) + i_ext + i_syn + sum_m g_m (v_m - v) + g(t) (target - v)
                  [+ g_leak delta_t exp((v - v_t) / delta_t) - w,   tau_w dw/dt = a (v - v_leak) - w]

Where v reaches v_th from below a compartment fires: g(t) clamps it to one target after another (a sodium
spike and its reset, a calcium spike, an NMDA plateau), and until t_ref has passed it does not fire again.
What remains of t_ref after the clamps is the hold-off, in which the membrane may fall below threshold. Events
of the soma are the neuron's spikes. Schemmel et al. 2017; the circuit is that of Aamir et al. 2018.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from numpy.typing import ArrayLike

from eventsim.models.dendrites.compartments import Clamp, Compartment, ThresholdEvent
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.dendrites._tree import Tree
    from eventsim.population import Population


def _two_compartments() -> tuple[Compartment, ...]:
    """Return a soma with a sodium spike and a dendrite with an NMDA plateau, driven by currents."""
    reset = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))
    plateau = ThresholdEvent((Clamp(-35.0, 40.0, 20.0),), hold_off=20.0)
    return (
        Compartment("soma", 200.0, 10.0, v_th=-50.0, event=reset),
        Compartment("dendrite", 100.0, 5.0, v_th=-55.0, event=plateau),
    )


@register("neuron", "multi-compartment")
@dataclass(frozen=True, slots=True, eq=False)
class MultiCompartment:
    """Neuron that is a tree of compartments with events of their own, such as dendritic plateaus.

    Times in ms, potentials in mV, conductances in nS, currents in pA, capacitances in pF; any other
    consistent set of units will do, such as that of a chip on which time runs faster. Plots and exports name
    potentials mV, currents pA and conductances nS in any case.

    Attributes
    ----------
    compartments : the nodes of the tree; results do not depend on their order.
    couplings : triples (name, name, conductance); inf joins two compartments into one circuit. Unless given,
        2 nS between compartments that are called soma and dendrite, and none where there is one only.
    soma : the compartment whose events are the spikes; the first unless given.
    solver : ``"exact"`` follows the exact flow between events; ``"ticks"`` integrates by the step dt of the
        simulation, to second order, with events inside a step interpolated. ``"auto"`` is exact where the
        model allows it: without conductances at synapses, exponential current and adaptation.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("volley", es.models.SpikeSource(times=[1.0]), 1)
    >>> _ = net.add("cell", es.models.MultiCompartment(), 1)
    >>> _ = net.connect("volley", "cell", weight=600.0, receptor="dendrite")
    >>> sim = es.Simulation(net)
    >>> sim.record("cell", "dendrite.v", every=1.0)
    >>> sim.run(50.0)
    >>> len(sim.spikes("cell")), len(sim.spikes("cell.dendrite"))
    (0, 1)
    """

    compartments: tuple[Compartment, ...] = field(default_factory=_two_compartments)
    couplings: tuple[tuple[str, str, ArrayLike], ...] | None = None
    soma: str | None = None
    solver: Literal["auto", "exact", "ticks"] = "auto"

    paper: ClassVar[str] = (
        "Schemmel et al. 2017, An accelerated analog neuromorphic hardware system emulating NMDA- and "
        "calcium-based non-linear dendrites"
    )
    is_source: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.compartments, Compartment):
            raise TypeError("compartments are a tuple, also if there is one: MultiCompartment((soma,))")
        if self.couplings is None:
            names = {getattr(compartment, "name", None) for compartment in self.compartments}
            between = (("soma", "dendrite", 2.0),) if {"soma", "dendrite"} <= names else ()
            object.__setattr__(self, "couplings", between)

    @property
    def tree(self) -> Tree:
        """The tree in the order in which it is computed; raises what `check` raises for its shape."""
        from eventsim.models.dendrites._tree import Tree

        return Tree(self.compartments, self.couplings or (), self.soma)

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded: "v" of the soma; "name.v", "name.receptor", "name.w" of a compartment."""
        return tuple(self.tree.variables)

    @property
    def receptors(self) -> dict[str, int]:
        """Number of each input, by "compartment.receptor", or "compartment" if that has one only."""
        return self.tree.receptors

    @property
    def on_ticks(self) -> bool:
        """Whether the neuron is integrated by steps."""
        tree = self.tree
        if self.solver not in ("auto", "exact", "ticks"):
            raise ValueError(f"solver must be 'auto', 'exact' or 'ticks', got {self.solver!r}")
        if self.solver == "exact" and tree.only_ticks:
            raise ValueError(
                f"solver='exact' needs piecewise linear equations, but {tree.only_ticks}; take solver='ticks'"
            )
        return self.solver == "ticks" or bool(tree.only_ticks)

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if the tree or a parameter is invalid; the message names population and unit."""
        self.tree.arrays(n, name, warn=True)
        _ = self.on_ticks

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        tree = self.tree
        arrays, currents = tree.arrays(context.n, context.name), tree.currents(context)
        if self.on_ticks:
            from eventsim.models.dendrites._ticks import SteppedDendrites

            return SteppedDendrites(context.n, context.name, tree, arrays, context.dt, currents)
        from eventsim.models.dendrites._exact import ExactDendrites

        return ExactDendrites(context.n, context.name, tree, arrays, currents)

    def plateau_potential(self, compartment: str, v_neighbours: float | None = None) -> float:
        """Return where the first clamp of a compartment's event would settle, mV.

        With neighbours at `v_neighbours`, their resting potentials unless given; without synaptic input.
        """
        return self.tree.settled(compartment, v_neighbours)
