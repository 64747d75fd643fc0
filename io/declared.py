"""What the network of a run says of its recorded variables: thresholds and units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Ints, Trace

__all__ = ["thresholds", "unit_of"]

THRESHOLDS = ("v_th", "v_t")
"""Names of a model's threshold; `v_t` is that of the nonlinear neurons."""
IN_MILLIVOLT = ("adex", "exponential-if", "quadratic-if", "lif-conductance", "multi-compartment")
"""Models whose variables are named in mV, pA and nS; others take any consistent set of units."""


def thresholds(run: Trace, population: str, variable: str, units: Ints) -> NDArray[np.float64]:
    """Return the thresholds of a recorded membrane, each value once.

    Parameters
    ----------
    variable : str
        ``v``, or ``NAME.v`` of a compartment.
    units : ndarray, shape (n,)
        The units that are shown.

    Returns
    -------
    ndarray, shape (n_values,)
        Empty if the variable is no membrane, or the run does not say what its threshold is.
    """
    values = _model(run, population).get("values")
    compartment, _, last = variable.rpartition(".")
    if last != "v" or not isinstance(values, dict):
        return np.empty(0)
    if compartment:
        parts = [each.get("values", {}) for each in values.get("compartments", ())]
        values = next((each for each in parts if each.get("name") == compartment), {})
    found = next((values[name] for name in THRESHOLDS if name in values), None)
    try:
        numbers = np.asarray(found, np.float64)
    except (TypeError, ValueError):  # a distribution, whose draws the declaration does not hold
        return np.empty(0)
    if numbers.ndim == 1 and np.all(units < len(numbers)):
        numbers = numbers[units]
    return np.unique(numbers[np.isfinite(numbers)]) if numbers.ndim <= 1 else np.empty(0)


def unit_of(run: Trace, population: str, variable: str) -> str:
    """Return the unit of a recorded variable; empty where the model takes any consistent set of units."""
    kind = str(_model(run, population).get("part", "")).rpartition("/")[2]
    last = variable.rpartition(".")[2]
    if kind == "izhikevich":
        return "mV" if last == "v" else ""
    if kind not in IN_MILLIVOLT:
        return ""
    return {"v": "mV", "w": "pA", "i": "pA", "g": "nS"}.get(last.partition("_")[0], "")


def _model(run: Trace, population: str) -> dict[str, Any]:
    """Return the model of a population as plain values; empty where it is not known."""
    for each in run.declaration.get("populations", ()):
        if each.get("name") == population and isinstance(each.get("model"), dict):
            return dict(each["model"])
    return {}
