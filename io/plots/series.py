"""Which series and matrices of a run belong together, for plots and for the page of a report."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Trace

__all__ = [
    "AXES",
    "KINDS",
    "axis_of",
    "curves",
    "groups",
    "in_order",
    "is_fraction",
    "kind_of",
    "matrices",
    "tells",
]

AXES = ("epoch", "cycle", "time")
"""Series that others are drawn over."""
KINDS = ("accuracy", "loss", "error", "missing", "learning_rate")
WEIGHTS = re.compile(r"(.*/)?weight/[^/]+->[^/]+")
"""Names of weight matrices (pre, post), such as ``weight/input->hidden``."""


def axis_of(run: Trace, n: int) -> tuple[str, NDArray[Any]]:
    """Return what series of `n` values are drawn over: a series of the run such as ``cycle``, else epochs."""
    for name in AXES:
        values = run.training.get(name)
        if values is not None and np.ravel(values).shape == (n,) and values.dtype.kind in "iuf":
            return name, np.ravel(values)
    return "epoch", np.arange(1, n + 1)


def curves(run: Trace) -> dict[str, NDArray[Any]]:
    """Return the series of numbers, one an epoch, by name, without those that others are drawn over."""
    return {
        name: values
        for name, values in run.training.items()
        if values.ndim == 1 and len(values) and values.dtype.kind in "biuf" and name not in AXES
    }


def groups(run: Trace) -> dict[str, dict[str, NDArray[Any]]]:
    """Return accuracies together, losses together, learning rates together, and what else there is.

    Series that are zero or no number throughout are left out, unless there are no others.
    """
    known = curves(run)
    telling = {name: values for name, values in known.items() if tells(values)}
    found: dict[str, dict[str, NDArray[Any]]] = {kind: {} for kind in KINDS}
    shown = telling or known
    for name, values in shown.items():
        # Series of other networks of the run, such as static_12_parameters, join that of the main one.
        whole = next((other for other in shown if name.endswith(f"_{other}")), name)
        found.setdefault(kind_of(whole), {})[name] = values
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
    order = in_order(run, [name.rpartition("weight/")[2] for name in found])
    return dict(
        sorted(
            found.items(),
            key=lambda item: (
                not item[0].startswith("weight/"),
                item[0].rpartition("weight/")[0],
                order.index(item[0].rpartition("weight/")[2]),
            ),
        )
    )


def in_order(run: Trace, projections: list[str]) -> list[str]:
    """Return names such as ``hidden->label`` in the order of the network, from the input to the output.

    >>> in_order(Trace(), ["hidden->label", "hidden->hidden", "input->hidden"])
    ['input->hidden', 'hidden->hidden', 'hidden->label']
    """
    pairs = {name: tuple(name.split("->", 1)) for name in projections if "->" in name}
    sources = {pre: {post for a, post in pairs.values() if a == pre} for pre, _ in pairs.values()}
    depth: dict[str, int] = {}
    populations = dict.fromkeys([*run.sizes, *(each for pair in pairs.values() for each in pair)])
    reached = {post for pre, post in pairs.values() if pre != post}
    waiting = [(name, 0) for name in populations if name not in reached]
    while waiting:  # breadth first, so that a loop ends where it began
        name, level = waiting.pop(0)
        if name not in depth:
            depth[name] = level
            waiting += [(each, level + 1) for each in sources.get(name, ())]
    places = list(populations)
    far = len(places)

    def place(name: str) -> tuple[int, int, int, int]:
        pre, post = pairs.get(name, (name, name))
        both = [each if each in populations else "" for each in (pre, post)]
        first, second = (places.index(each) if each else far for each in both)
        return depth.get(pre, far), depth.get(post, far), first, second

    return sorted(dict.fromkeys(projections), key=place)
