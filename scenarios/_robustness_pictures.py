"""Pictures of `robustness`: accuracy over the levels of each imperfection, trained in the loop and not."""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.scenarios._robustness_parts import MEANING
from eventsim.trace import Floats, Trace


def known(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the ways to draw a run, the first is the usual one."""
    return {"robustness": robustness}


def robustness(trace: Trace) -> Any:
    """Draw test accuracy over the levels of each imperfection, mean and standard deviation over seeds."""
    from matplotlib.figure import Figure

    rows = table(trace)
    names = list(dict.fromkeys(name for name, *_ in rows))
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    clean = 100 * float(trace.parameters["robustness/clean"].mean())
    for axis, name in zip(axes, names, strict=False):
        levels = np.array([level for each, level, _ in rows if each == name])
        values = 100 * np.array([row for each, _, row in rows if each == name])
        axis.axhline(clean, color="0.7", lw=1, label="no imperfection")
        for k, label, color in ((2, "not trained with it", "C1"), (0, "in the loop", "C0")):
            axis.errorbar(
                levels, values[:, k], values[:, k + 1], marker="o", ms=3, capsize=2, color=color, label=label
            )
        if name not in ("weight_bits", "tau_ratio"):
            axis.set_xscale("log")
        axis.set_title(name, fontsize=9)
        axis.set_xlabel(MEANING[name], fontsize=6)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for row in axes.reshape(lines, columns):
        row[0].set_ylabel("test accuracy (%)")
    axes[0].legend(fontsize=6)
    return figure


def table(trace: Trace) -> list[tuple[str, float, Floats]]:
    """Return the rows of a run: imperfection, level, means and spreads in the loop and without (4,)."""
    names = str(trace.provenance["imperfections"]).split()
    return [(names[int(row[0])], float(row[1]), row[2:]) for row in trace.parameters["robustness/table"]]
