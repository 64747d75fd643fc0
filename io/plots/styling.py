"""The look of all plots: colours, fonts, and small helpers for axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, MaxNLocator

COLOURS = ("#3b6fb6", "#d1603d", "#3f9a6e", "#8a5fa8", "#c79a2b", "#4aa3b5", "#b04a72", "#6b6b6b")
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
    """Put the legend to the right of the axes, where it hides nothing."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), borderaxespad=0.3, handlelength=1.2)


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


def readable_name(name: str) -> str:
    """Return a name as it stands in a plot: with spaces for underscores."""
    return name.replace("_", " ")
