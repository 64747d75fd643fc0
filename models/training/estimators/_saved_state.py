"""The state of a classifier as a file holds it, checked before a network is made of it."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.estimators._labelled_spikes import as_classes
from eventsim.models.training.estimators._network import Clock
from eventsim.states import state_array

__all__ = ["check_sizes", "classes_of_state", "clock_of_state", "feature_names_of_state"]

Floats = NDArray[np.float64]
OF = "the classifier"


def classes_of_state(state: Mapping[str, Any]) -> tuple[NDArray[Any], Floats]:
    """Return the classes and their frequencies, which add up to 1.

    Raises
    ------
    ValueError
        If there are fewer than two, two are the same, or their frequencies are none.
    """
    listed = state["classes"]
    listed = list(listed.tolist() if isinstance(listed, np.ndarray) else listed)
    if len(listed) < 2 or len({*listed}) < len(listed) or isinstance(state["classes"], str | Mapping):
        raise ValueError(f"classes must be two or more that differ, got {listed!r:.60}")
    frequencies = state_array(state, "shares", np.float64, (len(listed),), 0.0, 1.0 + 1e-9, of=OF)
    if abs(float(frequencies.sum()) - 1.0) > 1e-6:
        raise ValueError(f"the frequencies of classes add up to {float(frequencies.sum())!r}, not to 1")
    return as_classes(listed), frequencies


def clock_of_state(state: Mapping[str, Any]) -> Clock:
    """Return the clock.

    Raises
    ------
    ValueError, TypeError
        If it has other entries, or one of them that no clock can have.
    """
    clock = Clock(**{name: _number(value, name) for name, value in state["clock"].items()})
    finite = np.isfinite([clock.origin, clock.unit, clock.n_spikes, clock.first]).all()
    if not finite or not clock.unit > 0 or not clock.n_spikes > 0 or np.isinf(clock.turn):
        raise ValueError(f"no clock is like {clock!r}")
    if not clock.first <= clock.last:
        raise ValueError(f"the first spike at {clock.first!r} is after the last at {clock.last!r}")
    return clock


def feature_names_of_state(state: Mapping[str, Any], n: int) -> NDArray[Any] | None:
    """Return the names of the columns, shape (n,), or None where there are none.

    Raises
    ------
    ValueError
        If they are not `n` strings.
    """
    names = state.get("feature_names_in")
    if names is None:
        return None
    if isinstance(names, str | Mapping) or not np.iterable(names):
        raise ValueError(f"feature names must be {n} strings, got {names!r:.60}")
    listed = list(names)
    if len(listed) != n or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"feature names must be {n} strings, got {listed!r:.60}")
    found = np.empty(n, object)
    found[:] = listed
    return found


def check_sizes(state: Mapping[str, Any], n_inputs: int, hidden: tuple[int, ...], n_classes: int) -> None:
    """Raise ValueError unless the weights of the file are those of a network of these sizes.

    Nothing is drawn for a network before that, so a changed size takes no memory.
    """
    parameters = state["learner"]["parameters"]
    names = ["input", *(f"hidden{k + 1}" for k in range(len(hidden))), "label"]
    for (pre, m), (post, n) in pairwise(zip(names, (n_inputs, *hidden, n_classes), strict=True)):
        state_array(parameters, f"weight/{pre}->{post}", np.float64, (m, n), of=OF)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} of the clock must be a number, got {value!r:.60}")
    return float(value)
