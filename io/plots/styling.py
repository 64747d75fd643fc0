"""The look of all plots: colours, fonts, and small helpers for axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c467a", "#8c8c46")
"""In the order of their use; a test holds that the colour-blind can tell each from each other.

The first six are those of Okabe and Ito (2008), reordered.
"""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Marks of points, one beside each colour, so that no plot depends on colour alone."""
LINES: tuple[Any, ...] = (
    *("-", "--", "-.", ":"),
    *((0, dashes) for dashes in ((6, 1, 1, 1, 1, 1), (3, 1), (8, 2), (1, 1))),
)
"""Styles of lines, one beside each colour."""
GREY = "#8a8f96"
"""Of what is there to compare with: a target, a limit, what was before."""
LEGEND_DOT = 22.0
"""Least area of a dot in a legend, square points."""
ABBREVIATIONS = {
    each.lower(): each
    for each in ("ANN", "BP", "DFA", "ESN", "FA", "GLE", "GRU", "LE", "LIF", "mGRADE", "PAL", "QAT", "S4D")
}
"""As the field writes them."""
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": False,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with this module's fonts and lines inside a ``with`` block."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the axes given, or new ones."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def legend_beside(ax: Axes) -> None:
    """Put the legend to the right of the axes, where it hides nothing; small dots are larger in it."""
    legend = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), borderaxespad=0.3, handlelength=1.2)
    for mark in legend.legend_handles:
        if isinstance(mark, PathCollection):
            mark.set_sizes([max(LEGEND_DOT, float(size)) for size in mark.get_sizes()])


def set_title(ax: Axes, title: str | None) -> None:
    """Set a title if there is one."""
    if title:
        ax.set_title(title)


def time_label(time_unit: str) -> str:
    """Return the label of a time axis."""
    return f"time ({'µs' if time_unit == 'us' else time_unit})" if time_unit not in ("", "1") else "time"


def whole_ticks(axis: Axis, n: int) -> None:
    """Label whole units only; with fewer units than ticks matplotlib would label halves of them."""
    axis.set_major_locator(MaxNLocator(6, integer=True) if n > 6 else FixedLocator(range(n)))


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, also between powers of ten where it spans few of them."""
    low, high = axis.get_view_interval()
    decades = np.log10(max(high, 1e-300) / max(low, 1e-300))
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axis.set_major_locator(LogLocator(numticks=7))
    if decades < 2.5:
        between = (1.0, 2.0, 5.0) if decades > 0.7 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
        axis.set_major_locator(LogLocator(subs=between, numticks=9))
        axis.set_major_formatter(plain)
    axis.set_minor_formatter(NullFormatter())


def look(k: int, *, marks: bool = True) -> dict[str, Any]:
    """Return colour, style and mark of the k-th line of a plot, so that none differs by colour alone."""
    n = len(COLOURS)
    found: dict[str, Any] = {"color": COLOURS[k % n], "linestyle": LINES[k % n]}
    return found | ({"marker": MARKS[k % n], "markersize": 4} if marks else {})


def readable_name(name: str) -> str:
    """Return a name as it stands in a plot: words for underscores, abbreviations as the field writes them.

    >>> readable_name("qat_train_loss")
    'QAT train loss'
    """
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.replace("_", " ").split(" "))
