"""Plasticity of a stack of dendritic microcircuits that learns its feedback weights (PAL), on ticks.

    forward              dW/dt = eta (r - phi(share v_basal)) r_below^T, low-passed with tau_low_pass
    feedback             dB/dt = eta (xi high_passed_above^T - decay B)
    to interneurons      dW/dt = eta (r - phi(share v_dendrite)) r^T
    from interneurons    dB/dt = -eta v_apical r_inter^T, of the apical potential without noise

xi is the noise of a hidden cell, added to its apical potential. It travels up through the forward weights and
comes back in the rates of the layer above, whose quick part it is: its correlation with itself is in the
mean phi' W^T phi', which the feedback weights thus come to be, up to a factor (`feedback_scale`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import ConfigError
from eventsim.io.plain import plain_array
from eventsim.models.plasticity.noise import OrnsteinUhlenbeck, not_shorter
from eventsim.parameters import one_line, one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.models.prospective.deep_microcircuit_population import DeepMicrocircuitPopulation

FEEDBACK = ("learned", "fixed", "copied", "decaying")
REGULARISERS = ("decay", "gated", "slopes")


@register("plasticity", "microcircuit-alignment")
@dataclass(frozen=True, slots=True)
class MicrocircuitAlignment:
    """All weights of a `DeepMicrocircuit` learn at every tick, feedback weights from noise.

    Attributes
    ----------
    noise : of hidden cells; sigma one number, or one per hidden cell, the lowest layer first.
    rate_forward : learning rate of forward weights, one number or one per layer, the lowest first.
    rate_feedback : of feedback weights.
    rate_to_interneurons, rate_from_interneurons : of those of interneurons.
    decay : alpha, decay of feedback weights relative to their learning rate.
    tau_high_pass : of the rates that feedback weights learn from.
    tau_low_pass : of the changes of forward weights; 0 for none.
    feedback : "learned"; "fixed" (FA, with `rate_from_interneurons` = 0); "copied", the transposed forward
        weights at every tick (BP); or "decaying", the control that has the decay alone.
    regulariser : "decay"; "gated", decay where the high-passed rate is positive; "slopes", decay times
        phi' of both cells, with which feedback weights lose these factors.
    start : time of the first tick with noise and learning.
    """

    noise: OrnsteinUhlenbeck
    rate_forward: ArrayLike = 0.0
    rate_feedback: float = 0.0
    rate_to_interneurons: float = 0.0
    rate_from_interneurons: float = 0.0
    decay: float = 1e-5
    tau_high_pass: float = 0.1
    tau_low_pass: float = 0.0
    feedback: str = "learned"
    regulariser: str = "decay"
    start: float = 0.0

    paper: ClassVar[str] = "Max et al. 2024, Learning efficient backprojections across cortical hierarchies"
    __repr__ = one_line

    def __post_init__(self) -> None:
        if not isinstance(self.noise, OrnsteinUhlenbeck):
            raise TypeError(f"noise must be an OrnsteinUhlenbeck process, got {self.noise!r:.60}")
        forward = plain_array(self.rate_forward, "rate_forward", "iuf")
        if forward.ndim > 1 or not (np.isfinite(forward).all() and (forward >= 0).all()):
            raise ValueError(f"rate_forward must be numbers of at least 0, got {self.rate_forward!r:.60}")
        rates = ("rate_feedback", "rate_to_interneurons", "rate_from_interneurons")
        for what in (*rates, "decay", "tau_low_pass", "start"):
            one_number(getattr(self, what), what, low=0)
        if not one_number(self.tau_high_pass, "tau_high_pass", low=0) > 0:
            raise ValueError(f"tau_high_pass must be positive, got {self.tau_high_pass!r}")
        for what, known in (("feedback", FEEDBACK), ("regulariser", REGULARISERS)):
            if getattr(self, what) not in known:
                raise ValueError(f"{what} must be one of {', '.join(known)}, got {getattr(self, what)!r}")

    def attach(self, population: DeepMicrocircuitPopulation) -> None:
        """Let a population learn by this rule.

        Raises
        ------
        ConfigError
            If it is no such population, or a time constant is shorter than the tick.
        """
        name = population.name
        if not hasattr(population, "align"):
            raise ConfigError(f"{name!r} is no DeepMicrocircuit; other networks learn by PhaselessAlignment")
        not_shorter(self.tau_high_pass, population.dt, "tau_high_pass")
        if self.tau_low_pass:
            not_shorter(self.tau_low_pass, population.dt, "tau_low_pass")
        n_hidden, n_layers = population.n_hidden, population.n_layers
        if np.size(self.noise.sigma) not in (1, n_hidden):
            raise ValueError(
                f"sigma of {name!r} has {np.size(self.noise.sigma)} values, expected 1 or {n_hidden}"
            )
        if np.size(self.rate_forward) not in (1, n_layers):
            raise ValueError(
                f"rate_forward of {name!r} has {np.size(self.rate_forward)} values, expected 1 or {n_layers}"
            )
        population.align(self)
