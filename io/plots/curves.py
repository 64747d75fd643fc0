"""Plots of curves: sampled variables over time, training series over epochs."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.plots.styling import (
    COLOURS,
    GREY,
    LINES,
    axes_or_new,
    legend_beside,
    look,
    plain_log,
    readable_name,
    set_title,
    time_label,
)
from eventsim.trace import Samples

N_LINES = 4
"""Units whose lines a plot of a sampled variable shows."""


@hinting
def trace(
    samples: Samples,
    ax: Axes | None = None,
    *,
    variable: str = "value",
    time_unit: str = "ms",
    title: str | None = None,
    n_lines: int = N_LINES,
    thresholds: ArrayLike = (),
) -> Axes:
    """Draw a sampled variable of the first `n_lines` recorded units over time.

    Parameters
    ----------
    thresholds : array_like, shape (n,)
        Levels that are drawn as dashed lines.
    """
    ax = axes_or_new(ax)
    shown = samples.units[:n_lines]
    for k, unit in enumerate(shown):
        values = samples.values[:, k]
        kept = np.isfinite(values)
        ax.plot(
            samples.times[kept],
            values[kept],
            color=COLOURS[k % len(COLOURS)],
            linestyle=LINES[k % len(LINES)],
            label=f"unit {unit}",
            linewidth=1.4 if len(samples.times) <= 600 else 1.0,
            marker="." if samples.every == 0 and len(samples.times) <= 600 else None,
            markersize=4,
        )
    if len(samples.times):
        ax.set_xlim(samples.times[0], max(samples.times[-1], samples.times[0] + 1e-12))
    ax.set_xlabel(time_label(time_unit))
    ax.set_ylabel(variable)
    for k, level in enumerate(np.atleast_1d(np.asarray(thresholds, np.float64))):
        label = "threshold" if k == 0 else None
        ax.axhline(level, color=GREY, linewidth=1.0, linestyle="--", zorder=0, label=label)
    if len(ax.get_legend_handles_labels()[0]) > 1:
        legend_beside(ax)
    if len(samples.units) > len(shown):
        note = f"{len(shown)} of {len(samples.units)} units"
        title = f"{title}: {note}" if title else note
    set_title(ax, title)
    return ax


@hinting
def training(
    series: Mapping[str, ArrayLike],
    ax: Axes | None = None,
    *,
    fraction: bool = False,
    label: str = "value",
    over: Callable[[int], tuple[str, ArrayLike]] | None = None,
) -> Axes:
    """Draw series over epochs; with `fraction` as per cent, positive losses on a logarithmic axis.

    Parameters
    ----------
    over : function, optional
        Returns the name and the values of what a series with a number of values is drawn over.
    """
    ax = axes_or_new(ax)
    lowest, below = np.inf, "epoch"
    for k, (name, values) in enumerate(series.items()):
        values = np.asarray(values, np.float64) * (100 if fraction else 1)
        below, at = over(len(values)) if over is not None else ("epoch", np.arange(1, len(values) + 1))
        ax.plot(at, values, label=readable_name(name), **look(k, marks=len(values) <= 30))
        lowest = min(lowest, np.nanmin(values, initial=np.inf))
    if not fraction and "loss" in label and 0 < lowest < np.inf:
        ax.set_yscale("log")
        plain_log(ax.yaxis)
    ax.set_xlabel(below)
    ax.set_ylabel(f"{label} (%)" if fraction else label)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    ax.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    if len(series) > 2:
        legend_beside(ax)
    elif len(series) > 1:
        ax.legend(loc="best")
    return ax
