"""Currents over time into compartments: a constant, steps that are added to it, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.models.inputs.currents import Current, CurrentSum, StepCurrent, is_current

Steps = list[tuple[float, Any]]  # (time, change of the current, a number or shape (n,))


def parts_of_current(
    value: Any, n: int, compartment: str, name: str, one: Callable[[Any, str, str], Any]
) -> tuple[Any, Steps, list[Current]]:
    """Return the constant part of the current into a compartment of population `name`, steps, and the rest.

    `one` checks a number, or one for each unit.

    Raises
    ------
    ValueError, TypeError
        If the current does not fit `n` units.
    """
    if not is_current(value):
        return one(value, "i_ext", compartment), [], []
    if isinstance(value, CurrentSum):
        constant: Any = 0.0
        steps: Steps = []
        others: list[Current] = []
        for part in value.parts:
            level, more, rest = parts_of_current(part, n, compartment, name, one)
            constant = constant + level
            steps += more
            others += rest
        return constant, steps, others
    value.check_current(n, f"{name}.{compartment}")
    if not isinstance(value, StepCurrent) or value.period is not None:
        return 0.0, [], [value]
    times, values = np.asarray(value.times, float), np.asarray(value.values, float)
    changes = np.diff(values, axis=0, prepend=np.zeros_like(values[:1]))
    return 0.0, [(float(t), change) for t, change in zip(times, changes, strict=True)], []
