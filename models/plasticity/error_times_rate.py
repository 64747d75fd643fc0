"""Plasticity from an error and a rate, on ticks.

    dW/dt = eta (<x^T e> - decay W)        db/dt = eta bias <e>

eta is the learning rate, x the presynaptic rate that the weights were multiplied with, e the error of the
target at the same tick, < > the mean over the batch. With the errors of LE and GLE this is gradient descent
on their energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

if TYPE_CHECKING:
    from eventsim.rates.dense import RateProjection


@register("plasticity", "error-times-rate")
@renamed_arguments("argument/ErrorTimesRate")
@dataclass(frozen=True, slots=True)
class ErrorTimesRate:
    """Weights follow postsynaptic error times presynaptic rate, at every tick.

    Attributes
    ----------
    learning_rate : weight change per time; with Adam, the step per time (a step per tick / dt).
    bias : learning rate of the bias, relative to that of the weights; 0 keeps the bias.
    decay : weights decay with rate learning_rate * decay, whatever the optimiser does with gradients.
    optimiser : "sgd", "momentum" or "adam"; their memory advances by one with every tick.
    momentum : of "momentum": velocity = momentum * velocity + gradient.
    beta1, beta2, epsilon : of "adam".
    post : variable of the target that replaces its error.
    pre : variable of the source, at the present tick, that replaces the rate.
    """

    learning_rate: float
    bias: float = 1.0
    decay: float = 0.0
    optimiser: str = "sgd"
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    post: str = "error"
    pre: str = ""

    paper: ClassVar[str] = "Haider et al. 2021, Latent Equilibrium"

    def __post_init__(self) -> None:
        one_number(self.learning_rate, "learning_rate", low=0)
        one_number(self.bias, "bias", low=0)
        one_number(self.decay, "decay", low=0)
        if self.optimiser not in ("sgd", "momentum", "adam"):
            raise ValueError(f"optimiser must be one of sgd, momentum, adam, got {self.optimiser!r}")
        for what in ("momentum", "beta1", "beta2"):
            if not one_number(getattr(self, what), what, low=0) < 1:
                raise ValueError(f"{what} must be below 1, got {getattr(self, what)!r}")
        one_number(self.epsilon, "epsilon", low=0)

    def attach(self, projection: RateProjection) -> None:
        """Let a projection learn by this rule."""
        projection.learn_by(
            self.learning_rate,
            post=self.post,
            pre=self.pre,
            optimiser=self.optimiser,
            bias_factor=self.bias,
            decay=self.decay,
            momentum=self.momentum,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
        )
