"""Dendritic prediction: a dendrite learns to foresee what its soma does.

    dw_ij/dt = learning_rate (phi(u_i) - phi(v*_i)) rb_j        tau drb_j/dt = gain r_j(t - d_j) - rb_j

i is the target, j the source. The trace rb_j is the derivative of the prediction v*_i by the weight w_ij:
with tau = 1 / g_leak and gain = g_dendrite / (g_leak + g_dendrite) of `TwoCompartmentRate` that is exact.
It belongs to the source, since all dendrites have one time constant. Urbanczik and Senn 2014; Kriener et
al. 2024.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import ConfigError
from eventsim.parameters import one_number
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.rates.ticks import TickPart


@register("plasticity", "dendritic-prediction")
@dataclass(frozen=True, slots=True)
class DendriticPrediction:
    """Weights onto dendrites follow the dendritic error times the trace of the source, at every tick.

    Attributes
    ----------
    learning_rate : weight change per time, error and trace, >= 0; one number, or shape (n_pre, n_post).
        Synapses with rate 0 keep their weight; no neuron learns a synapse onto itself.
    tau : time constant of the trace, 1 / g_leak; at least the tick.
    gain : of the trace, g_dendrite / (g_leak + g_dendrite).
    post : variable of the target that is the error.
    """

    learning_rate: ArrayLike = field(default=1e-3, repr=False)
    tau: float = 10.0
    gain: float = 2.0 / 2.1
    post: str = "dendritic_error"

    paper: ClassVar[str] = "Kriener et al. 2024, ELiSe: Efficient Learning of Sequences"

    def __post_init__(self) -> None:
        if np.ndim(self.learning_rate) == 0:
            one_number(self.learning_rate, "learning_rate", low=0)
        if not one_number(self.tau, "tau", low=0) > 0:
            raise ValueError(f"tau must be positive, got {self.tau!r}")
        one_number(self.gain, "gain", low=0)

    def attach(self, projection: Any) -> TickPart:
        """Let a projection learn by this rule.

        Raises
        ------
        ConfigError
            If the projection has no delay for each source, or the tick is longer than `tau`.
        ValueError
            If the learning rates do not fit.
        """
        from eventsim.models.plasticity._dendritic_prediction import DendriticPredictionPart
        from eventsim.rates.axonal import Axonal

        if not isinstance(projection, Axonal) or not projection.is_float64:
            raise ConfigError(
                f"dendritic prediction needs weights (n_pre, n_post), a delay for each source "
                f"(es.connect.axonal) and float64; {projection.name!r} has not"
            )
        if self.post not in projection.post.arrays:
            raise ConfigError(f"{projection.post.name!r} has no variable {self.post!r} to learn from")
        if self.tau < projection.dt * (1 - 1e-9):
            raise ConfigError(
                f"the tick dt = {projection.dt:g} is longer than tau = {self.tau:g} of the trace of "
                f"{projection.name!r}; explicit steps need dt <= tau"
            )
        shape = (projection.pre.n, projection.post.n)
        rates = np.asarray(self.learning_rate, float)
        if rates.ndim and rates.shape != shape:
            raise ValueError(
                f"learning_rate of {projection.name!r} has shape {rates.shape}, "
                f"expected {shape} or one number"
            )
        if not (np.isfinite(rates).all() and (rates >= 0).all()):
            raise ValueError(f"learning_rate of {projection.name!r} must be finite and not negative")
        rates = np.array(np.broadcast_to(rates, shape))
        return DendriticPredictionPart(projection, rates, self.tau, self.gain, self.post)
