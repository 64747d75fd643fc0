"""Feedback weights that learn from noise, in networks of any continuous populations (PAL), on ticks.

    dB/dt = eta (<high_passed_above^T xi> - decay B)

B are the feedback weights of a projection that sends errors back through weights of its own
(``net.connect(..., feedback=B)``), xi noise that enters the layer below, high_passed the high-passed rate of
the layer above, < > the mean over the batch. The noise of a tick enters a rate at that tick and the layer
above a tick later. It is one tick old when it meets itself: `feedback_scale` with an age of 1 is B's size.

Kernels of a convolution (``feedback=`` an array of their shape) learn the sum over all places where they are
used, as forward kernels do: their size is that of `feedback_scale` times the number of places.

Forward weights average the noise out with ``ErrorTimesRate(rate * dt / tau, optimiser="momentum",
momentum=1 - dt / tau)``, which low-passes their changes with tau.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventsim.errors import ConfigError
from eventsim.models.plasticity.noise import OrnsteinUhlenbeck, not_shorter
from eventsim.parameters import one_line, one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.rates.dense import RateProjection

REGULARISERS = ("decay", "gated", "slopes")


@register("plasticity", "phaseless-alignment")
@dataclass(frozen=True, slots=True)
class PhaselessAlignment:
    """Feedback weights follow the noise of a layer times the high-passed rates of the layer above.

    Add it to the feedback of a projection: ``net.add_plasticity("hidden->label feedback", rule)``. Rules of
    several projections share the noise of a layer, and the high-passed rates of another; both must be equal.

    Attributes
    ----------
    noise : of the layer below.
    learning_rate : of the feedback weights.
    decay : alpha, relative to the learning rate.
    tau_high_pass : of the rates of the layer above.
    regulariser : "decay"; "gated", decay where the high-passed rate is positive; "slopes", decay times phi'
        of both cells, for populations with slopes (LE, GLE).
    receptor : where the noise enters; "apical" if the layer has one, else its first, unless given.
    """

    noise: OrnsteinUhlenbeck
    learning_rate: float
    decay: float
    tau_high_pass: float
    regulariser: str = "decay"
    receptor: str = ""

    paper: ClassVar[str] = "Max et al. 2024, Learning efficient backprojections across cortical hierarchies"
    __repr__ = one_line

    def __post_init__(self) -> None:
        if not isinstance(self.noise, OrnsteinUhlenbeck):
            raise TypeError(f"noise must be an OrnsteinUhlenbeck process, got {self.noise!r:.60}")
        one_number(self.learning_rate, "learning_rate", low=0)
        one_number(self.decay, "decay", low=0)
        if not one_number(self.tau_high_pass, "tau_high_pass", low=0) > 0:
            raise ValueError(f"tau_high_pass must be positive, got {self.tau_high_pass!r}")
        if self.regulariser not in REGULARISERS:
            raise ValueError(
                f"regulariser must be one of {', '.join(REGULARISERS)}, got {self.regulariser!r}"
            )

    def attach(self, feedback: RateProjection) -> list[Any]:
        """Let feedback weights learn; returns what else takes part in ticks.

        Raises
        ------
        ConfigError, ValueError
            If this is no feedback, or it shares a layer with a rule that has other noise, or another filter.
        """
        from eventsim.models.plasticity._alignment import AlignmentDecay, AlignmentNoise, HighPass
        from eventsim.rates.convolution import ConvolutionFeedback
        from eventsim.rates.dense import Dense

        if not isinstance(feedback, Dense | ConvolutionFeedback):
            raise ConfigError(f"{feedback.name!r} has no feedback weights; use connect(..., feedback=array)")
        parts: list[Any] = []
        below, above = feedback.post, feedback.pre
        not_shorter(self.tau_high_pass, below.dt, "tau_high_pass")
        if np.size(self.noise.sigma) not in (1, below.n):
            raise ValueError(
                f"sigma of {below.name!r} has {np.size(self.noise.sigma)} values, expected 1 or {below.n}"
            )
        if self.noise.amplitude not in ("constant", *below.arrays):
            raise ConfigError(f"{below.name!r} has no potential {self.noise.amplitude!r} for its noise")
        if self.regulariser != "decay" and not isinstance(feedback, Dense):
            raise ConfigError(f"{feedback.name!r} has shared kernels; use regulariser='decay'")
        if self.regulariser == "slopes" and not ("slope" in below.state and "slope" in above.state):
            raise ConfigError(f"the cells of {feedback.name!r} have no slopes; use regulariser='decay'")
        first = "apical" if "apical" in below.receptors else next(iter(below.receptors))
        receptor = self.receptor or first
        if receptor not in below.receptors:
            raise ConfigError(
                f"{below.name!r} has no receptor {receptor!r}; known: {', '.join(below.receptors)}"
            )
        noise = self.noise
        own_noise = (tuple(np.ravel(noise.sigma)), noise.tau, noise.update, noise.amplitude, receptor)
        declared: tuple[object, object] = own_noise, self.tau_high_pass
        shared = [
            below.shared.setdefault("noise", declared[0]),
            above.shared.setdefault("high_pass", declared[1]),
        ]
        if "noise" not in below.arrays:
            parts.append(AlignmentNoise(below, self.noise, receptor))
        if "high_passed" not in above.arrays:
            parts.append(HighPass(above, self.tau_high_pass))
        for population, known, own in zip((below, above), shared, declared, strict=True):
            if known != own:
                raise ConfigError(
                    f"{population.name!r} has noise or high-passed rates of another rule; use the same"
                )
        by_cells = self.regulariser != "decay"
        feedback.learn_by(
            self.learning_rate, post="noise", pre="high_passed", decay=0.0 if by_cells else self.decay
        )
        if by_cells:
            feedback.check_decay(self.learning_rate, self.decay)
            parts.append(AlignmentDecay(feedback, self.decay, self.regulariser))
        return parts
