"""Rate neurons of a soma and a dendrite that predicts it (ELiSe).

    soma        du/dt = -g_l (u - E_l) + g_d (v - u) + g_E (E_E - u) + g_I (E_I - u)
    dendrite    dv/dt = -g_l (v - E_l) + g_l sum_j w_j r_j
    rate        r = phi(u) = 1 / (1 + exp(slope (threshold - u)))

Capacitances are 1, so conductances are in 1/time. Without somatic conductances the soma goes to what the
dendrite predicts, v* = (g_l E_l + g_d v) / (g_l + g_d); `dendritic_error` = phi(u) - phi(v*) is what the
dendrite did not foresee. A teacher of strength lambda = beta acts through conductances whose mean potential
is its own, so that the soma settles at (1 - lambda) v* + lambda u_t.

A tick, with dendrite and soma of the tick before on the right: soma by explicit Euler, then dendrite by
explicit Euler, then the rate of the new soma; v* is that of the dendrite before its step.
Kriener et al. 2024, equations of the released C code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import ConfigError
from eventsim.parameters import one_line, one_number, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.rates.ticks import Continuous

PARAMETERS = ("g_leak", "g_dendrite", "e_leak")


@register("neuron", "two-compartment-rate")
@dataclass(frozen=True, slots=True)
class TwoCompartmentRate:
    """Rate neurons whose dendrite learns to predict the soma.

    Attributes
    ----------
    g_leak : leak of soma and dendrite, 1/ms; one number or one per unit.
    g_dendrite : from dendrite to soma, 1/ms; one number or one per unit; 0 for a soma alone.
    e_leak : potential of the leak, mV; one number or one per unit.
    e_excitation, e_inhibition : reversal potentials of somatic conductances, mV.
    slope : of the rate, 1/mV.
    threshold : soma at which the rate is 1/2, mV.
    taught : units that a teacher reaches, one truth value per unit; all unless given.
    """

    g_leak: ArrayLike = 0.1
    g_dendrite: ArrayLike = 2.0
    e_leak: ArrayLike = -70.0
    e_excitation: float = 0.0
    e_inhibition: float = -75.0
    slope: float = 0.3
    threshold: float = -58.0
    taught: ArrayLike = True

    paper: ClassVar[str] = "Kriener et al. 2024, ELiSe: Efficient Learning of Sequences"
    variables: ClassVar[tuple[str, ...]] = ("u", "v", "rate", "supply", "dendritic_error")
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    on_hardware: ClassVar[bool] = True  # parts act on its conductances, weights and delays
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        per_unit(self.g_leak, n, "g_leak", name, positive=True)
        per_unit(self.g_dendrite, n, "g_dendrite", name, nonnegative=True)
        e_leak = per_unit(self.e_leak, n, "e_leak", name)
        per_unit(np.asarray(self.taught, float), n, "taught", name, nonnegative=True)
        if not one_number(self.slope, f"slope of {name!r}", low=0) > 0:
            raise ValueError(f"slope of {name!r} must be positive, got {self.slope!r}")
        one_number(self.threshold, f"threshold of {name!r}")
        low = one_number(self.e_inhibition, f"e_inhibition of {name!r}")
        high = one_number(self.e_excitation, f"e_excitation of {name!r}")
        if not (np.all(e_leak < high) and low < high):
            raise ValueError(
                f"e_excitation of {name!r} must lie above e_leak and e_inhibition, got {high:g} mV, "
                f"{float(np.max(e_leak)):g} mV and {low:g} mV"
            )

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that computes these neurons.

        Raises
        ------
        ConfigError
            If the tick is too long for the conductances, or the precision is not float64.
        """
        from eventsim.models.dendrites._two_compartment_rate import TwoCompartmentPopulation

        n, name = context.n, context.name
        if context.dtype != "float64":
            raise ConfigError(f"{name!r} is computed in float64, not in {context.dtype}; leave dtype out")
        given = {what: per_unit(getattr(self, what), n, what, name) for what in PARAMETERS}
        total = float(np.max(np.add(given["g_leak"], given["g_dendrite"]), initial=0.0))
        if context.dt * total > 1.0:
            raise ConfigError(
                f"the tick dt = {context.dt:g} is longer than 1 / (g_leak + g_dendrite) = {1 / total:g} of "
                f"{name!r}; explicit steps need dt <= {1 / total:g}"
            )
        given["taught"] = per_unit(np.asarray(self.taught, float), n, "taught", name)
        return TwoCompartmentPopulation(
            context,
            given,
            e_excitation=float(self.e_excitation),
            e_inhibition=float(self.e_inhibition),
            slope=float(self.slope),
            threshold=float(self.threshold),
        )
