"""Plots of `robustness`: accuracy over the levels of each imperfection, trained in the loop and not."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.scenarios.robustness.imperfections import MEANING
from eventsim.scenarios.scenario import Table
from eventsim.trace import Floats, Trace

LOWEST = 50.0  # per cent that are shown; chance is 33


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots of a run by name; the first is the default plot."""
    return {"robustness": robustness}


def robustness(trace: Trace) -> Any:
    """Draw test accuracy over the levels of each imperfection, mean and standard deviation over seeds.

    Means below the range that is shown have a triangle at its edge.
    """
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        return _drawn(trace, Figure(layout="constrained"))


def _drawn(trace: Trace, figure: Any) -> Any:
    """Draw a panel for each imperfection."""
    from eventsim.io import plots

    rows = table(trace)
    names = list(dict.fromkeys(name for name, *_ in rows))
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure.set_size_inches(3.1 * columns, 2.6 * lines + 0.4)
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    clean = trace.parameters.get("robustness/clean")  # early files have none
    for axis, name in zip(axes, names, strict=False):
        levels = np.array([level for each, level, _ in rows if each == name])
        values = 100 * np.array([row for each, _, row in rows if each == name])
        if name != "weight_bits":
            axis.set_xscale("log")
        if clean is not None:
            axis.axhline(100 * float(clean.mean()), color=plots.GREY, lw=1, label="no imperfection")
        for k, label, place in ((2, "not trained with it", 1), (0, "in the loop", 0)):
            mean, spread = values[:, k], values[:, k + 1]
            look = plots.look(place)
            axis.errorbar(levels, mean, spread, capsize=2, label=label, **look)
            for level in levels[mean < LOWEST]:
                axis.plot(level, LOWEST + 1, "v", ms=6, color=look["color"])
        axis.set_xticks(levels, [f"{level:g}" for level in levels], minor=False)
        axis.set_xticks([], minor=True)
        axis.set_title(name.replace("_", " "), fontsize=9)
        axis.set_xlabel(textwrap.fill(MEANING[name], 44), fontsize=8)
        axis.tick_params(labelsize=8)
    axes[0].set_ylim(LOWEST, 100)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for row in axes.reshape(lines, columns):
        row[0].set_ylabel("test accuracy (%)", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def table(trace: Trace) -> list[tuple[str, float, Floats]]:
    """Return the rows of a run: imperfection, level, means and spreads in the loop and without (4,)."""
    names = str(trace.provenance["imperfections"]).split()
    return [(names[int(row[0])], float(row[1]), row[2:]) for row in trace.parameters["robustness/table"]]


def summary_table(trace: Trace) -> Table:
    """Return the rows of a run as text: test accuracy in per cent, mean and standard deviation over seeds.

    With one seed there is no deviation.
    """
    cells, metrics = [], []
    for name, level, (loop, loop_spread, without, without_spread) in table(trace):
        shown = (
            f"{100 * mean:.1f} ± {100 * sd:.1f} %" if np.isfinite(sd) else f"{100 * mean:.1f} %"
            for mean, sd in ((loop, loop_spread), (without, without_spread))
        )
        cells.append((name.replace("_", " "), f"{level:g}", *shown))
        metrics += [f"{name}_{level:g}_in_the_loop", f"{name}_{level:g}_without"]
    return Table(
        "test accuracy over the imperfections of a chip",
        ("imperfection", "level", "trained in the loop", "trained without it"),
        tuple(cells),
        tuple(metrics),
    )
