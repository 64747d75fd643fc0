"""Optimisers: from gradients to new parameters.

Parameters and gradients are dictionaries of arrays by name; an optimiser changes the parameters in place. All
that it remembers is in `state()`, as arrays and numbers, so that a run can go on from a file.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.kernels import adam
from eventsim.models.training import schedules
from eventsim.models.training.sgd import with_zeros
from eventsim.parameters import one_number
from eventsim.renamed import renamed_arguments, suggest_arguments
from eventsim.states import check_entries

__all__ = ["Adam", "Optimiser", "StatefulOptimiser"]

Floats = NDArray[Any]  # float32 or float64


class Optimiser(Protocol):
    """Changes parameters by their gradients."""

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step; changes the parameters in place."""


class StatefulOptimiser(Optimiser, Protocol):
    """An optimiser that a `Trainer` can drive: its learning rates can be scaled, its state kept.

    Attributes
    ----------
    factor : by which its learning rates are multiplied; a schedule sets it.
    """

    factor: float

    @property
    def learning_rate(self) -> float:
        """The present learning rate; of several, the largest."""

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class Adam:
    """Adam (Kingma and Ba 2015), with bias correction; with `weight_decay`, AdamW (Loshchilov, Hutter 2019).

    Parameters
    ----------
    learning_rate : float or mapping of str to float
        One for all parameters, or one for each: by its name ("weight/input->hidden") or, for all that are not
        named, by its kind ("weight").
    beta1, beta2, epsilon : float
        Decay of the first and of the second moment; term that keeps the step finite.
    schedule : callable, optional
        Returns the factor of the learning rates for an epoch, counted from 0, as those of
        `eventsim.models.training.schedules`. It is for training loops that call `end_epoch`; give the
        schedule to the `Trainer` if there is one.
    max_norm : float or mapping of str to float
        Largest Euclidean norm of a gradient, for all or for each as `learning_rate`; longer ones are scaled
        down. Otherwise a batch with a huge gradient slows learning for about 1 / (1 - beta2) steps.
    weight_decay : float or mapping of str to float
        Before each step parameters are multiplied by 1 - learning rate * weight_decay. In a mapping, those
        that are not named, neither by name nor by kind, do not decay.
    counter : {"step", "epoch"}
        What the correction of the bias counts: the steps, or the epochs that have begun. The latter is in the
        code of published results; it makes steps about three times shorter (20 batches an epoch).

    Attributes
    ----------
    factor : float
        By which the learning rates are multiplied at present.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    @renamed_arguments("argument/Adam")
    @suggest_arguments("Adam")
    def __init__(
        self,
        learning_rate: float | Mapping[str, float] = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule: Callable[[int], float] | None = None,
        max_norm: float | Mapping[str, float] = math.inf,
        weight_decay: float | Mapping[str, float] = 0.0,
        counter: Literal["step", "epoch"] = "step",
    ) -> None:
        settings = {"learning_rate": learning_rate, "max_norm": max_norm, "weight_decay": weight_decay}
        for what, setting in settings.items():
            for name, value in setting.items() if isinstance(setting, Mapping) else [("", setting)]:
                if value != math.inf or what != "max_norm":
                    one_number(value, f"{what} of {name!r}" if name else what, low=0)
        for name, value in (("beta1", beta1), ("beta2", beta2)):
            if not one_number(value, name, low=0) < 1:
                raise ValueError(f"{name} must be below 1, got {value!r}")
        one_number(epsilon, "epsilon", low=0)
        if counter not in ("step", "epoch"):
            raise ValueError(f"counter must be 'step' or 'epoch', got {counter!r}")
        self.weight_decay, self.counter = weight_decay, counter
        self.initial_learning_rate, self.max_norm = learning_rate, max_norm
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.schedule = schedule
        self.epoch = 0
        self.factor = self._scheduled()
        self.steps = 0
        self._moments: dict[str, tuple[Floats, Floats]] = {}

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step against the gradients; changes the parameters in place.

        Parameters
        ----------
        parameters, gradients : mapping of str to ndarray
            C-contiguous arrays of equal shapes and dtypes, float32 or float64.

        Raises
        ------
        UnknownPart
            If a gradient has no parameter, or no learning rate.
        ValueError
            If a parameter is not C-contiguous, since a copy would learn in its place.
        """
        self.steps += 1
        for name, gradient in gradients.items():
            if name not in parameters:
                raise UnknownPart(f"no parameter named {name!r}; known: {', '.join(parameters)}")
            if not parameters[name].flags.c_contiguous:
                raise ValueError(
                    f"parameter {name!r} must be C-contiguous, got strides {parameters[name].strides}; "
                    'copy it with order="C"'
                )
            if name not in self._moments:
                self._moments[name] = np.zeros_like(gradient, order="C"), np.zeros_like(gradient, order="C")
            first, second = self._moments[name]
            most = _of(self.max_norm, name, "largest norm")
            if most < math.inf:
                norm = float(np.linalg.norm(gradient))
                gradient = gradient * (most / norm) if norm > most else gradient
            rate = _of(self.initial_learning_rate, name, "learning rate") * self.factor
            if decay := _of(self.weight_decay, name, "weight decay", 0.0):
                parameters[name][...] *= 1.0 - rate * decay
            adam.adam_step(
                parameters[name].reshape(-1),
                gradient.reshape(-1),
                first.reshape(-1),
                second.reshape(-1),
                rate,
                self.beta1,
                self.beta2,
                self.epsilon,
                self.steps if self.counter == "step" else self.epoch + 1,
            )

    @property
    def learning_rate(self) -> float:
        """The present learning rate; of several, the largest."""
        initial = self.initial_learning_rate
        return (max(initial.values()) if isinstance(initial, Mapping) else initial) * self.factor

    def end_epoch(self) -> None:
        """Count an epoch; the optimiser's own schedule, if there is one, may change the learning rates."""
        self.epoch += 1
        self.factor = self._scheduled()

    def reset(self) -> None:
        """Forget all earlier steps; the learning rates stay."""
        self.steps, self._moments = 0, {}

    def insert(self, name: str, place: int, axis: int, n: int) -> None:
        """Make room for `n` new rows (axis 0) or columns (axis 1) of a parameter, without earlier steps."""
        if name in self._moments:
            first, second = self._moments[name]
            self._moments[name] = with_zeros(first, place, axis, n), with_zeros(second, place, axis, n)

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on: numbers and copies of arrays by name."""
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "first": {name: first.copy() for name, (first, _) in self._moments.items()},
            "second": {name: second.copy() for name, (_, second) in self._moments.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("epoch", "steps", "first", "second"), "an optimiser")
        check_entries(state["first"], (), "first moments")
        check_entries(state["second"], state["first"], "second moments")
        self.epoch, self.steps = int(state["epoch"]), int(state["steps"])
        self._moments = {
            name: (np.array(first), np.array(state["second"][name])) for name, first in state["first"].items()
        }
        self.factor = self._scheduled()

    def _scheduled(self) -> float:
        return 1.0 if self.schedule is None else self.schedule(self.epoch)


def _of(setting: float | Mapping[str, float], name: str, what: str, otherwise: float | None = None) -> float:
    """Return the setting of a parameter: by its name, else by its kind, else `otherwise` if there is such."""
    if not isinstance(setting, Mapping):
        return setting
    for key in (name, name.partition("/")[0]):
        if key in setting:
            return setting[key]
    if otherwise is not None:
        return otherwise
    raise UnknownPart(f"no {what} for {name!r}; there is one for: {', '.join(setting)}")


def __getattr__(name: str) -> Any:
    if name in ("CosineDecay", "StepDecay"):
        warnings.warn(
            f"{name} is in eventsim.models.training.schedules now; it goes from here with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(schedules, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
