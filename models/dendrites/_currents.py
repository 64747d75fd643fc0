"""Currents over time into compartments: a constant, and steps that are added to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.models.inputs.currents import CurrentSum, StepCurrent, is_current

Steps = list[tuple[float, Any]]  # (time, change of the current, a number or shape (n,))


def constant_and_steps(
    value: Any, n: int, compartment: str, name: str, one: Callable[[Any, str, str], Any]
) -> tuple[Any, Steps]:
    """Return the constant part of the current into a compartment of population `name`, and its steps.

    `one` checks a number, or one for each unit.

    Raises
    ------
    ConfigError
        If the current does not consist of constants and steps that end.
    ValueError, TypeError
        If it does not fit `n` units.
    """
    if not is_current(value):
        return one(value, "i_ext", compartment), []
    if isinstance(value, CurrentSum):
        constant: Any = 0.0
        steps: Steps = []
        for part in value.parts:
            level, more = constant_and_steps(part, n, compartment, name, one)
            constant = constant + level
            steps += more
        return constant, steps
    where = f"{name}.{compartment}"
    if not isinstance(value, StepCurrent) or value.period is not None:
        kind = type(value).__name__ + (" with a period" if isinstance(value, StepCurrent) else "")
        raise ConfigError(
            f"i_ext of {where!r} must be a number, a StepCurrent or their sum, got a {kind}: "
            "potentials of compartments are sums of exponentials between steps"
        )
    value.check_current(n, where)
    times, values = np.asarray(value.times, float), np.asarray(value.values, float)
    changes = np.diff(values, axis=0, prepend=np.zeros_like(values[:1]))
    return 0.0, [(float(t), change) for t, change in zip(times, changes, strict=True)]
