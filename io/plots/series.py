"""Which series and matrices of a run belong together, for plots and for the page of a report."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Trace

__all__ = ["KINDS", "curves", "groups", "is_fraction", "kind_of", "matrices", "tells"]

KINDS = ("accuracy", "loss", "error", "missing")
WEIGHTS = re.compile(r"(.*/)?weight/[^/]+->[^/]+")
"""Names of weight matrices (pre, post), such as ``weight/input->hidden``."""


def curves(run: Trace) -> dict[str, NDArray[Any]]:
    """Return the series of numbers, one number an epoch, by name."""
    return {
        name: values
        for name, values in run.training.items()
        if values.ndim == 1 and len(values) and values.dtype.kind in "biuf"
    }


def groups(run: Trace) -> dict[str, dict[str, NDArray[Any]]]:
    """Return accuracies together, losses together, everything else on its own and after these.

    Series that are zero or no number throughout are left out, unless there are no others.
    """
    known = curves(run)
    telling = {name: values for name, values in known.items() if tells(values)}
    found: dict[str, dict[str, NDArray[Any]]] = {kind: {} for kind in KINDS}
    for name, values in (telling or known).items():
        found.setdefault(kind_of(name), {})[name] = values
    return {kind: series for kind, series in found.items() if series}


def tells(values: NDArray[Any]) -> bool:
    """Return whether a series has a number that is not zero."""
    return bool(np.nan_to_num(np.asarray(values, np.float64)).any())


def kind_of(name: str) -> str:
    """Return the group that a series belongs to: a word of `KINDS` in its name, or its name."""
    return next((word for word in KINDS if word in name), name)


def is_fraction(kind: str, series: dict[str, NDArray[Any]]) -> bool:
    """Return whether a group of series is shares, which plots show as per cent."""
    values = np.concatenate([np.ravel(item).astype(np.float64) for item in series.values()])
    return kind in ("accuracy", "error", "missing") and bool(np.nanmax(values, initial=0.0) <= 1.0)


def matrices(run: Trace) -> dict[str, NDArray[Any]]:
    """Return the weight matrices by name, those at the end of the run first."""
    found = {
        name: values
        for name, values in run.parameters.items()
        if WEIGHTS.fullmatch(name) and values.ndim == 2 and values.size and values.dtype.kind in "iuf"
    }
    return dict(sorted(found.items(), key=lambda item: not item[0].startswith("weight/")))
