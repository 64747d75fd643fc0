"""Dendritic microcircuits in a stack of any depth, as one population of compiled cells (Max et al. 2024).

Pyramidal cells of a hidden layer have a basal dendrite (rates of the layer below) and an apical one (rates
of the layer above and of the interneurons of their own layer). Beside them are as many interneurons as the
layer above has cells, each nudged to the potential of one of those. Capacitances are 1; with the sum g of a
cell's conductances

    v_basal = W r_below      v_apical = B r_above + B_inter r_inter      v_dendrite = W_inter r
    u_ss = (g_basal v_basal + g_apical (v_apical + xi)) / g      interneuron: g_dendrite, g_soma and ub_above
    du/dt = g (u_ss - u)     ub = u(t - dt) + (1 / g) du/dt       r = phi(ub)

xi is noise, zero without `MicrocircuitAlignment`, which also tells how weights learn. ub is that of the step
before, so a cell shows u_ss a tick later, however slow its membrane. A tick has the order of the published
program: rates from potentials; noise; potentials of dendrites, with the weights that the tick before left;
membranes, which see the noise of the tick before; changes of all weights; high-passed rates.

`unit_ranges` says where the units of a layer lie: inputs, pyramidal cells, interneurons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError
from eventsim.models.prospective.latent_equilibrium import ACTIVATIONS
from eventsim.models.prospective.microcircuit import (
    G_APICAL,
    G_BASAL,
    G_DENDRITE,
    G_LEAK,
    G_SOMA,
    self_predicting,
)
from eventsim.parameters import one_line

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.rates.ticks import Continuous

Floats = NDArray[np.float64]

__all__ = ["DeepMicrocircuit", "initial_weights", "unit_ranges"]


def unit_ranges(sizes: Sequence[int]) -> tuple[list[slice], list[slice]]:
    """Return where the cells of each layer lie, and the interneurons of each (none in the first and last)."""
    ends = np.cumsum([0, *sizes])
    cells = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    ends = ends[-1] + np.cumsum([0, *sizes[2:]])
    first, last = int(ends[0]), int(ends[-1])
    between = (slice(int(a), int(b)) for a, b in pairwise(ends))
    return cells, [slice(first, first), *between, slice(last, last)]


def initial_weights(forward: Sequence[Floats], feedback: Sequence[Floats]) -> dict[str, Floats]:
    """Return all weights of a stack, those of interneurons such that they predict themselves.

    Parameters
    ----------
    forward : sequence of ndarray, shape (n_below, n), for each layer after the input
    feedback : sequence of ndarray, shape (n_above, n), for each hidden layer
    """
    weights = {f"up/{k}": np.array(w, float) for k, w in enumerate(forward, 1)}
    for k, (down, up) in enumerate(zip(feedback, forward[1:], strict=True), 1):
        weights[f"down/{k}"] = np.array(down, float)
        weights[f"from_inter/{k}"], weights[f"to_inter/{k}"] = self_predicting(
            np.array(up, float), np.array(down, float), next_is_output=k == len(feedback)
        )
    return weights


@dataclass(frozen=True, slots=True)
class DeepMicrocircuit:
    """A stack of dendritic microcircuits: `n` counts inputs, pyramidal cells and interneurons.

    Attributes
    ----------
    sizes : cells by layer, the input first, the output last.
    weights : as `initial_weights` returns them.
    activation : phi of all cells.
    prospective : how far rates look ahead, in units of the membrane time constant: 1 undoes its lag, 0 is the
        control with the potential before the last step. One number, or one per unit.
    tau_factor : membrane time constants relative to their nominal values, one number or one per unit.
    u_init : potentials at the start, one number or one per unit.
    """

    sizes: tuple[int, ...]
    weights: Mapping[str, Floats]
    activation: str = "logistic"
    prospective: ArrayLike = 1.0
    tau_factor: ArrayLike = 1.0
    u_init: ArrayLike = 0.0

    paper: ClassVar[str] = "Max et al. 2024, Learning efficient backprojections across cortical hierarchies"
    variables: ClassVar[tuple[str, ...]] = ("u", "rate", "prospective", "noise", "high_passed", "apical")
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    __repr__ = one_line

    @property
    def n_units(self) -> int:
        """The number of units: inputs, pyramidal cells, interneurons."""
        return sum(self.sizes) + sum(self.sizes[2:])

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if sizes, weights or parameters do not fit; the message names the population."""
        if len(self.sizes) < 3 or min(self.sizes) < 1:
            raise ValueError(
                f"sizes of {name!r} need an input, hidden layers and an output, got {self.sizes}"
            )
        if n != self.n_units:
            raise ValueError(f"{name!r} with sizes {self.sizes} has {self.n_units} units, not {n}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation of {name!r} must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}"
            )
        expected = self._shapes()
        if sorted(self.weights) != sorted(expected):
            raise ValueError(
                f"weights of {name!r} must be {', '.join(expected)}; got {', '.join(self.weights)}"
            )
        for key, shape in expected.items():
            found = np.asarray(self.weights[key], float)
            if found.shape != shape:
                raise ValueError(f"weight {key} of {name!r} has shape {found.shape}, expected {shape}")
            if not np.isfinite(found).all():
                raise ValueError(f"weight {key} of {name!r} must be finite")
        for what, positive in (("prospective", False), ("tau_factor", True), ("u_init", None)):
            values = np.asarray(getattr(self, what), float)
            if values.shape not in ((), (n,)):
                raise ValueError(f"{what} of {name!r} has shape {values.shape}, expected () or ({n},)")
            low = -np.inf if positive is None else 0.0
            if not (np.isfinite(values).all() and (values > low if positive else values >= low).all()):
                raise ValueError(f"{what} of {name!r} must be {'positive' if positive else 'at least 0'}")

    def _shapes(self) -> dict[str, tuple[int, int]]:
        """Return the shape of each weight matrix, (n_pre, n_post)."""
        shapes = {f"up/{k}": pair for k, pair in enumerate(pairwise(self.sizes), 1)}
        for k, (n, above) in enumerate(pairwise(self.sizes[1:]), 1):
            shapes |= {f"down/{k}": (above, n), f"from_inter/{k}": (above, n), f"to_inter/{k}": (n, above)}
        return shapes

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that computes these cells."""
        from eventsim.models.prospective.deep_microcircuit_population import DeepMicrocircuitPopulation

        cells, inter = unit_ranges(self.sizes)
        constants = {name: np.zeros(context.n) for name in ("by_dendrite", "by_top", "prediction")}
        conductance = np.ones(context.n)  # the output keeps its time constant without a target, as published
        for units, g_dendrite, g_top in (
            (slice(cells[1].start, cells[-2].stop), G_BASAL, G_APICAL),
            (cells[-1], G_BASAL, G_SOMA),
            (slice(inter[1].start, context.n), G_DENDRITE, G_SOMA),
        ):
            conductance[units] = g = G_LEAK + g_dendrite + g_top
            constants["by_dendrite"][units], constants["by_top"][units] = g_dendrite / g, g_top / g
            nudged = (
                units.start >= cells[-1].start
            )  # cells without an apical dendrite predict a free potential
            constants["prediction"][units] = g_dendrite / (g - g_top if nudged else g)
        tau = np.broadcast_to(self.tau_factor, context.n) / conductance
        shortest = float(tau[cells[1].start :].min())
        if context.dt > shortest:
            raise ConfigError(
                f"the tick dt = {context.dt:g} is longer than the shortest membrane time constant of "
                f"{context.name!r}, {shortest:g}; explicit steps need dt <= tau"
            )
        per_tau = context.dt / tau
        constants["per_tau"] = per_tau
        constants["prospection"] = np.array(np.broadcast_to(self.prospective, context.n), float)
        constants["u"] = np.array(np.broadcast_to(self.u_init, context.n), float)
        constants["u"][: self.sizes[0]] = 0.0
        with_target = G_BASAL / (G_LEAK + G_BASAL + G_SOMA), G_SOMA / (G_LEAK + G_BASAL + G_SOMA)
        weights = {name: np.asarray(self.weights[name], float) for name in self._shapes()}
        return DeepMicrocircuitPopulation(
            context,
            tuple(self.sizes),
            weights,
            constants,
            self.activation,
            ((G_BASAL / (G_LEAK + G_BASAL), 0.0), with_target),
        )


def shares(with_target: bool) -> dict[str, Any]:
    """Return what `feedback_scale` is multiplied with: shares of the noise, and of the layer below."""
    above = G_LEAK + G_BASAL + (G_SOMA if with_target else 0.0)
    return {
        "noise": G_APICAL / (G_LEAK + G_BASAL + G_APICAL),
        "hidden": G_BASAL / (G_LEAK + G_BASAL + G_APICAL),
        "output": G_BASAL / above,
    }
