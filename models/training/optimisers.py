"""From gradients to weights: Adam, and a rate that falls in steps.

Parameters and gradients are dictionaries of arrays by name; parameters are changed in place. All that an
optimiser remembers is in `state()`, as arrays and numbers, so that a run can go on from a file.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.kernels import adam
from eventsim.parameters import one_number

__all__ = ["Adam", "CosineDecay", "StepDecay"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StepDecay:
    """The rate is multiplied by `factor` after every `every` epochs.

    >>> [StepDecay(every=2, factor=0.5)(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int = 20
    factor: float = 0.95

    def __post_init__(self) -> None:
        if not one_number(self.every, "every", low=1) == int(self.every):
            raise ValueError(f"every must be a whole number of epochs, got {self.every!r}")
        if not one_number(self.factor, "factor", low=0) > 0:
            raise ValueError(f"factor must be positive, got {self.factor!r}")

    def __call__(self, epoch: int) -> float:
        """Return what the rate is multiplied by in this epoch, counted from 0."""
        return float(self.factor ** (epoch // self.every))


@dataclass(frozen=True, slots=True)
class CosineDecay:
    """The rate falls to 0 within `epochs`, along half a cosine.

    >>> [round(CosineDecay(epochs=4)(epoch), 3) for epoch in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    epochs: int

    def __post_init__(self) -> None:
        if not one_number(self.epochs, "epochs", low=1) == int(self.epochs):
            raise ValueError(f"epochs must be a whole number, got {self.epochs!r}")

    def __call__(self, epoch: int) -> float:
        """Return what the rate is multiplied by in this epoch, counted from 0."""
        return 0.5 * (1.0 + math.cos(math.pi * min(epoch / self.epochs, 1.0)))


class Adam:
    """Adam (Kingma and Ba 2015), with bias correction.

    Parameters
    ----------
    rate : float or mapping of str to float
        Learning rate, or one for each parameter by name.
    beta1, beta2, epsilon : float
        Decay of the first and second moment, and what keeps the step finite.
    schedule : callable, optional
        Factor of the rate in an epoch, such as `StepDecay` or `CosineDecay`; constant without one.
    max_norm : float or mapping of str to float
        Largest Euclidean norm of a gradient, or one for each parameter by name; longer ones are scaled down.
        Otherwise a batch with a huge gradient slows learning down for about 1 / (1 - beta2) steps.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(
        self,
        rate: float | Mapping[str, float] = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule: Callable[[int], float] | None = None,
        max_norm: float | Mapping[str, float] = math.inf,
    ) -> None:
        for what, given in (("rate", rate), ("max_norm", max_norm)):
            for name, value in given.items() if isinstance(given, Mapping) else [("", given)]:
                if value != math.inf or what == "rate":
                    one_number(value, f"{what} of {name!r}" if name else what, low=0)
        for name, value in (("beta1", beta1), ("beta2", beta2)):
            if not one_number(value, name, low=0) < 1:
                raise ValueError(f"{name} must be below 1, got {value!r}")
        one_number(epsilon, "epsilon", low=0)
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self.schedule, self.max_norm = schedule, max_norm
        self.epoch = 0
        self.steps = 0
        self._moments: dict[str, tuple[Floats, Floats]] = {}

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step against the gradients; changes the parameters in place.

        Parameters
        ----------
        parameters, gradients : mapping of str to ndarray
            C-contiguous float64 arrays of equal shapes.

        Raises
        ------
        UnknownPart
            If a gradient has no parameter, or no rate.
        """
        self.steps += 1
        factor = 1.0 if self.schedule is None else self.schedule(self.epoch)
        for name, gradient in gradients.items():
            if name not in parameters:
                raise UnknownPart(f"no parameter named {name!r}; known: {', '.join(parameters)}")
            if name not in self._moments:
                self._moments[name] = np.zeros_like(gradient), np.zeros_like(gradient)
            first, second = self._moments[name]
            most = _of(self.max_norm, name, "largest norm")
            if most < math.inf:
                norm = float(np.linalg.norm(gradient))
                gradient = gradient * (most / norm) if norm > most else gradient
            adam.adam_step(
                parameters[name].reshape(-1),
                gradient.reshape(-1),
                first.reshape(-1),
                second.reshape(-1),
                _of(self.rate, name, "learning rate") * factor,
                self.beta1,
                self.beta2,
                self.epsilon,
                self.steps,
            )

    @property
    def learning_rate(self) -> float:
        """The rate in the present epoch; of several, the largest."""
        rate = max(self.rate.values()) if isinstance(self.rate, Mapping) else self.rate
        return rate * (1.0 if self.schedule is None else self.schedule(self.epoch))

    def end_epoch(self) -> None:
        """Count an epoch; the schedule may change the rate."""
        self.epoch += 1

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on: numbers and copies of arrays by name."""
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "first": {name: first.copy() for name, (first, _) in self._moments.items()},
            "second": {name: second.copy() for name, (_, second) in self._moments.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.epoch, self.steps = int(state["epoch"]), int(state["steps"])
        self._moments = {
            name: (np.array(first, np.float64), np.array(state["second"][name], np.float64))
            for name, first in state["first"].items()
        }


def _of(given: float | Mapping[str, float], name: str, what: str) -> float:
    """Return what is given for a parameter."""
    if not isinstance(given, Mapping):
        return given
    if name not in given:
        raise UnknownPart(f"no {what} for {name!r}; given for: {', '.join(given)}")
    return given[name]
