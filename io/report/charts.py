"""Figures of a page that are drawn by bokeh: training curves, membranes, distributions."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.plots.styling import COLOURS, GREY, readable_name, time_label
from eventsim.trace import Floats, Samples

__all__ = ["curves", "distribution", "membranes", "thinned"]

NO_GROUND = {"background_fill_color": None, "border_fill_color": None, "outline_line_color": None}
"""The page is the ground of all figures. A white one would leave a line at the edges of a dark page."""
MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "x", "star")
DASHES = ("solid", "dashed", "dotdash", "dotted", "dashdot", [6, 1, 1, 1], [3, 1], [8, 2])
LINES_SHOWN = 4  # units of a sampled variable
MOST_POINTS = 2000  # of a line; more are thinned


def curves(
    series: Mapping[str, NDArray[Any]], label: str, *, fraction: bool = False, x_range: Any = None
) -> Any:
    """Return series over epochs, one line each, with marks where there are few epochs.

    Parameters
    ----------
    fraction : bool
        Shown as per cent.
    """
    from bokeh.models import HoverTool

    scale = 100 if fraction else 1
    lowest = min(
        (np.nanmin(np.asarray(values, float), initial=np.inf) for values in series.values()), default=np.inf
    )
    logarithmic = not fraction and "loss" in label and 0 < lowest < np.inf
    figure = _plain(
        height=300,
        x_axis_label="epoch",
        y_axis_label=f"{label} (%)" if fraction else label,
        y_axis_type="log" if logarithmic else "linear",
        **({"x_range": x_range} if x_range is not None else {}),
    )
    figure.xaxis.ticker.min_interval = 1
    for k, (name, values) in enumerate(series.items()):
        x, y = np.arange(1, len(values) + 1), np.asarray(values, np.float64) * scale
        look = {"color": COLOURS[k % len(COLOURS)], "legend_label": readable_name(name)}
        figure.line(x, y, line_width=2, line_dash=DASHES[k % len(DASHES)], **look)
        if len(x) <= 40:
            figure.scatter(x, y, size=6, marker=MARKERS[k % len(MARKERS)], **look)
    highest = max(
        (np.nanmax(np.asarray(values, float), initial=-np.inf) for values in series.values()), default=0
    )
    if lowest == highest != 0 and np.isfinite(
        lowest
    ):  # the range that is chosen otherwise shows a small one as 0
        figure.y_range.start, figure.y_range.end = sorted((0.0, 2.0 * scale * lowest))
    figure.add_tools(HoverTool(tooltips=[("epoch", "@x"), (label, "@y{0.[000000]}")]))
    _legend(figure, len(series))
    return figure


def membranes(
    samples: Samples, name: str, time_unit: str, *, thresholds: Sequence[float] | Floats = ()
) -> Any:
    """Return a sampled variable of up to four units over time, and levels as dashed lines."""
    figure = _plain(height=250, x_axis_label=time_label(time_unit), y_axis_label=name)
    shown = samples.units[:LINES_SHOWN]
    for k, unit in enumerate(shown):
        kept = np.isfinite(samples.values[:, k])
        times, values = thinned(samples.times[kept], samples.values[kept, k])
        look = {"color": COLOURS[k % len(COLOURS)], "legend_label": f"unit {unit}"}
        figure.line(times, values, line_width=1.5, line_dash=DASHES[k % len(DASHES)], **look)
        if len(times) <= 40:
            figure.scatter(times, values, size=6, marker=MARKERS[k % len(MARKERS)], **look)
    levels = np.atleast_1d(np.asarray(thresholds, np.float64)) if len(samples.times) else np.empty(0)
    for level in levels:  # a line and no span, so that the axis reaches it and the legend names it
        x = [samples.times[0], samples.times[-1]]
        figure.line(x, [level, level], line_dash="dashed", color=GREY, legend_label="threshold")
    _legend(figure, len(shown) + (len(levels) > 0))
    return figure


def thinned(times: Floats, values: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Return a line of at most `most` points that keeps every peak: lowest and highest of each stretch."""
    if len(times) <= most:
        return times, values
    edges = np.linspace(0, len(times), most // 2 + 1).astype(np.int64)
    low = [a + int(values[a:b].argmin()) for a, b in itertools.pairwise(edges)]
    high = [a + int(values[a:b].argmax()) for a, b in itertools.pairwise(edges)]
    kept = np.unique([0, *low, *high, len(times) - 1])
    return times[kept], values[kept]


def distribution(
    values: NDArray[Any], label: str, before: NDArray[Any] | None = None, *, title: str = ""
) -> Any:
    """Return how often values occur, beside those before training where they are known, in equal bins."""
    after = _finite(values)
    first = _finite(before) if before is not None else np.empty(0)
    both = np.concatenate([after, first])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, int(np.clip(np.sqrt(len(after)) * 1.5, 10, 60)) + 1)
    figure = _plain(height=240, x_axis_label=label, y_axis_label="number")
    if len(first):
        counts = np.histogram(first, edges)[0]
        figure.quad(
            top=counts,
            bottom=0,
            left=edges[:-1],
            right=edges[1:],
            fill_color=GREY,
            fill_alpha=0.35,
            line_color=GREY,
            hatch_pattern="right_diagonal_line",
            hatch_color=GREY,
            hatch_alpha=0.6,
            legend_label="before training",
        )
    counts = np.histogram(after, edges)[0]
    figure.quad(
        top=counts,
        bottom=0,
        left=edges[:-1],
        right=edges[1:],
        fill_color=COLOURS[0],
        fill_alpha=0.45,
        line_color=COLOURS[0],
        legend_label="at the end",
    )
    figure.y_range.start = 0
    figure.title.text = title
    _legend(figure, 2 if len(first) else 1)
    return figure


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.isfinite(flat)]


def _plain(**options: Any) -> Any:
    from bokeh.plotting import figure

    made = figure(
        sizing_mode="stretch_width",
        tools="pan,box_zoom,wheel_zoom,reset",
        active_scroll=None,
        toolbar_location="above",
        **NO_GROUND,
        **options,
    )
    made.toolbar.logo = None
    made.min_border_left = 62  # so that figures below each other begin at the same place
    return made


def _legend(figure: Any, n: int) -> None:
    """Put the legend below, where it hides nothing; a click on it hides a line."""
    if not figure.legend:
        return
    legend = figure.legend[0]
    if n < 2:
        legend.visible = False
        return
    legend.click_policy = "hide"
    legend.ncols = 2
    legend.margin = legend.padding = 2
    legend.spacing = 16
    legend.location = "left"
    figure.add_layout(legend, "below")


def names_in(series: Sequence[str]) -> str:
    """Return names for a sentence.

    >>> names_in(["train_loss", "test_loss"])
    'train loss, test loss'
    """
    return ", ".join(readable_name(name) for name in series)
