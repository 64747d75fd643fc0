"""How far a run is that has not finished, by the checkpoint in its file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNTERS = ("epoch", "cycle", "tick", "period")
"""Entries of a state that say how far a run is; the first that is found counts."""


def position(state: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return what is counted and how much of it is done; None if the state does not say.

    Parameters
    ----------
    state : mapping
        What the run's last checkpoint kept, nested. Of several trainings the one that goes on counts.
    """
    for name in COUNTERS:
        value = state.get(name)
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            return name, int(value)
    for value in reversed(list(state.values())):
        found = position(value) if isinstance(value, Mapping) else None
        if found is not None:
            return found
    return None


def total(counted: str, config: Mapping[str, Any]) -> int | None:
    """Return how much there is to do, where the configuration says so under the plural's name."""
    value = config.get(f"{counted}s")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def last_values(training: Mapping[str, Any]) -> dict[str, float]:
    """Return the last value of each series of single numbers."""
    found = {}
    for name, series in training.items():
        values = np.asarray(series)
        if values.ndim == 1 and len(values) and np.issubdtype(values.dtype, np.number):
            found[name] = float(values[-1])
    return {name: value for name, value in found.items() if np.isfinite(value)}


def progress(
    scenario: str,
    path: str,
    state: Mapping[str, Any],
    config: Mapping[str, Any],
    training: Mapping[str, Any],
) -> dict[str, Any]:
    """Return how far a run is, its last values, and the command that goes on with it."""
    import shlex

    found = position(state.get("scenario", {})) if state else None
    place = {"counted": found[0], "done": found[1], "total": total(found[0], config)} if found else {}
    return {
        **place,
        "last": last_values(training),
        "resume": shlex.join(["eventsim", "run", scenario, "-o", path, "--resume"]),
    }
