"""What earlier tasks need of the weights: online elastic weight consolidation, synaptic intelligence.

    EWC   (lambda / 2) sum_i F_i (theta_i - theta*_i)^2
          after a task, theta* <- theta and     sum        F <- alpha F + F_t
                                                ema        F <- alpha F + (1 - alpha) F_t   (first: F_1)
                                                per_task   all pairs (F_t, theta*_t) are kept
    SI    omega_i <- omega_i - g_i dtheta_i in each step, g: gradient of the cross entropy alone
          after a task, Omega_i <- Omega_i + max(0, omega_i) / ((theta_i - theta_i^start)^2 + xi), omega <- 0
          c sum_i Omega_i (theta_i - theta*_i)^2

Schwarz et al. (2018), Kirkpatrick et al. (2017), Zenke et al. (2017). The sum tends to F_t / (1 - alpha), the
average to F_t: a lambda means something only together with the form. Weights that are inserted count nothing.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.layer import Array
from eventsim.models.layers.learner import Penalised
from eventsim.models.layers.sequential import Sequential
from eventsim.models.training.sgd import with_zeros
from eventsim.parameters import one_number

__all__ = ["EWC", "Consolidation", "FisherForm", "SynapticIntelligence"]

FisherForm = Literal["sum", "ema", "per_task"]
Arrays = dict[str, Array]
Floats = NDArray[np.float64]


class Consolidation(Protocol):
    """A penalty that keeps what earlier tasks need."""

    def __call__(self, model: Sequential, lengths: Array | None) -> Penalised:
        """Return the penalty and its gradient; see `Penalty`."""

    def begin_task(self, model: Sequential) -> None:
        """Look at the weights before a task."""

    def after_step(self, model: Sequential) -> None:
        """Look at the weights after a step; ``model.gradients`` are those without penalties."""

    def end_task(self, model: Sequential, fisher: Mapping[str, Floats]) -> None:
        """Take the weights of a task that has been learned, and their Fisher information."""

    def insert(self, name: str, place: int, axis: int, values: Array) -> None:
        """Follow a parameter that has new rows (axis 0) or columns (axis 1) with these values."""

    def state(self) -> dict[str, Any]:
        """Return what later steps depend on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class EWC:
    """Online elastic weight consolidation; it also holds the Fisher information of earlier tasks.

    Parameters
    ----------
    strength : float
        Lambda; with 0 nothing is held, and the information is only kept.
    form : {"sum", "ema", "per_task"}
        How the information of tasks is put together.
    decay : float
        Alpha.

    Attributes
    ----------
    n_tasks : int
        Tasks so far.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(self, strength: float, form: FisherForm = "sum", decay: float = 0.9) -> None:
        one_number(strength, "strength", low=0)
        if not one_number(decay, "decay", low=0) <= 1:
            raise ValueError(f"decay must be at most 1, got {decay!r}")
        if form not in ("sum", "ema", "per_task"):
            raise ValueError(f"form must be 'sum', 'ema' or 'per_task', got {form!r}")
        self.strength, self.form, self.decay = strength, form, decay
        self.n_tasks = 0
        self._kept: list[tuple[Arrays, Arrays]] = []  # Fisher information and weights

    def __call__(self, model: Sequential, lengths: Array | None = None) -> Penalised:
        """Return the penalty and its gradient; see `Penalty`."""
        loss, gradients = 0.0, {}
        if not self.strength:
            return Penalised(0.0)
        for name, theta in model.parameters.items():
            pull: Any = 0
            for fisher, anchor in self._kept:
                away = theta - anchor[name]
                pulled = fisher[name] * away
                loss += float(np.vdot(pulled, away))
                pull = pull + pulled
            if self._kept:
                gradients[name] = pull * theta.dtype.type(self.strength)
        return Penalised(0.5 * self.strength * loss, {}, gradients)

    def importance(self, name: str) -> Array:
        """Return the Fisher information of a parameter for one task: the mean over tasks, or the average.

        Raises
        ------
        RuntimeError
            If no task has been learned.
        """
        if not self._kept:
            raise RuntimeError("no task has been learned, so no weight has any importance yet")
        total: Any = sum(fisher[name].astype(np.float64) for fisher, _ in self._kept)
        mean: Array = total / (1 if self.form == "ema" else self.n_tasks)
        return mean

    def begin_task(self, model: Sequential) -> None:
        """Look at the weights before a task."""

    def after_step(self, model: Sequential) -> None:
        """Look at the weights after a step."""

    def end_task(self, model: Sequential, fisher: Mapping[str, Floats]) -> None:
        """Take the weights of a task that has been learned, and their Fisher information."""
        anchor = {name: array.copy() for name, array in model.parameters.items()}
        new = {name: fisher[name].astype(array.dtype) for name, array in anchor.items()}
        self.n_tasks += 1
        if self.form == "per_task" or not self._kept:
            self._kept.append((new, anchor))
            return
        share = 1.0 - self.decay if self.form == "ema" else 1.0
        before = self._kept[0][0]
        for name, array in new.items():
            kind = array.dtype.type
            new[name] = kind(self.decay) * before[name] + kind(share) * array
        self._kept = [(new, anchor)]

    def insert(self, name: str, place: int, axis: int, values: Array) -> None:
        """Follow a parameter that has new rows or columns: no importance, their first values as anchors."""
        for fisher, anchor in self._kept:
            fisher[name] = with_zeros(fisher[name], place, axis, values.shape[axis])
            anchor[name] = with_values(anchor[name], place, axis, values)

    def state(self) -> dict[str, Any]:
        """Return what later steps depend on."""
        kept = {
            str(k): {"fisher": _copies(fisher), "anchor": _copies(anchor)}
            for k, (fisher, anchor) in enumerate(self._kept)
        }
        return {"n_tasks": self.n_tasks, "kept": kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.n_tasks, kept = int(state["n_tasks"]), state["kept"]
        order = sorted(kept, key=int)
        self._kept = [(_copies(kept[k]["fisher"]), _copies(kept[k]["anchor"])) for k in order]


class SynapticIntelligence:
    """Synaptic intelligence: what each weight contributed to the fall of the loss along its way.

    Parameters
    ----------
    strength : float
        c.
    damping : float
        Xi, which bounds the importance of weights that hardly moved.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    NAMES = ("path", "importance", "anchor", "start", "before")

    def __init__(self, strength: float, damping: float = 0.1) -> None:
        one_number(strength, "strength", low=0)
        if not one_number(damping, "damping", low=0) > 0:
            raise ValueError(f"damping must be positive, got {damping!r}")
        self.strength, self.damping = strength, damping
        self.path: Arrays = {}
        self.importance: Arrays = {}
        self.anchor: Arrays = {}
        self.start: Arrays = {}
        self.before: Arrays = {}

    def __call__(self, model: Sequential, lengths: Array | None = None) -> Penalised:
        """Return the penalty and its gradient; see `Penalty`."""
        loss, gradients = 0.0, {}
        for name, importance in self.importance.items():
            away = model.parameters[name] - self.anchor[name]
            pulled = importance * away
            loss += float(np.vdot(pulled, away))
            gradients[name] = pulled * pulled.dtype.type(2 * self.strength)
        return Penalised(self.strength * loss, {}, gradients)

    def begin_task(self, model: Sequential) -> None:
        """Begin the way of a task at the present weights."""
        self.start, self.before = _copies(model.parameters), _copies(model.parameters)
        self.path = {name: np.zeros_like(array) for name, array in model.parameters.items()}

    def after_step(self, model: Sequential) -> None:
        """Add what a step contributed."""
        for name, theta in model.parameters.items():
            before = self.before[name]
            self.path[name] -= model.gradients[name] * (theta - before)
            before[...] = theta

    def end_task(self, model: Sequential, fisher: Mapping[str, Floats]) -> None:
        """Take the weights of a task that has been learned."""
        for name, theta in model.parameters.items():
            moved = (theta - self.start[name]) ** 2 + theta.dtype.type(self.damping)
            gained = np.maximum(self.path[name], 0) / moved
            self.importance[name] = self.importance.get(name, 0) + gained
        self.anchor = _copies(model.parameters)

    def insert(self, name: str, place: int, axis: int, values: Array) -> None:
        """Follow a parameter that has new rows or columns: no importance, their first values as anchors."""
        for arrays in (self.path, self.importance):
            if name in arrays:
                arrays[name] = with_zeros(arrays[name], place, axis, values.shape[axis])
        for arrays in (self.anchor, self.start, self.before):
            if name in arrays:
                arrays[name] = with_values(arrays[name], place, axis, values)

    def state(self) -> dict[str, Any]:
        """Return what later steps depend on."""
        return {name: _copies(getattr(self, name)) for name in self.NAMES}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name in self.NAMES:
            setattr(self, name, _copies(state.get(name, {})))


def with_values(array: Array, place: int, axis: int, values: Array) -> Array:
    """Return a copy with new rows (axis 0) or columns (axis 1) before `place`."""
    before, after = np.split(array, [place], axis=axis)
    return np.ascontiguousarray(np.concatenate([before, values.astype(array.dtype), after], axis=axis))


def _copies(arrays: Mapping[str, Any]) -> Arrays:
    return {name: np.array(array) for name, array in arrays.items()}
