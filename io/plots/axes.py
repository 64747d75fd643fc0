"""Drawing into one pair of axes: spikes, rates, samples, training curves, weights, labelled points.

Each function takes `ax` (a new one without) and returns it.

Populations far too large for single dots are drawn as a density of spikes, and say so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import ListedColormap, LogNorm, TwoSlopeNorm
from matplotlib.ticker import FixedLocator, MaxNLocator
from numpy.typing import NDArray

from eventsim.io.analysis import population_rate
from eventsim.trace import Samples, Spikes

COLOURS = ("#3b6fb6", "#d1603d", "#3f9a6e", "#8a5fa8", "#c79a2b", "#4aa3b5", "#b04a72", "#6b6b6b")
DOT_LIMIT = 200_000
"""More spikes than this are drawn as a density."""
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


def raster(
    spikes: Spikes,
    n: int | None = None,
    ax: Axes | None = None,
    *,
    time_unit: str = "ms",
    span: tuple[float, float] | None = None,
    colour: str = COLOURS[0],
    title: str | None = None,
    limit: int = DOT_LIMIT,
) -> Axes:
    """Draw spikes as dots, time against unit; above `limit` spikes as their density.

    Parameters
    ----------
    n : int, optional
        Units of the population; default up to the highest that spiked.
    span : (float, float), optional
        Time axis; default from 0 to the last spike.
    """
    ax = _axes(ax)
    n = int(spikes.units.max(initial=0)) + 1 if n is None else n
    left, right = span or (0.0, float(spikes.times[-1]) if len(spikes) else 1.0)
    right = right if right > left else left + 1.0
    if len(spikes) > limit:
        columns, rows = 800, min(n, 300)
        table, _, _ = np.histogram2d(
            spikes.units, spikes.times, bins=(rows, columns), range=((-0.5, n - 0.5), (left, right))
        )
        image = ax.imshow(
            np.ma.masked_equal(table, 0),
            aspect="auto",
            origin="lower",
            extent=(left, right, -0.5, n - 0.5),
            cmap=_shades(colour),
            norm=LogNorm(1, max(2.0, table.max())),
            interpolation="nearest",
        )
        bar = ax.figure.colorbar(image, ax=ax, pad=0.01, fraction=0.03, aspect=12)
        bar.set_label("spikes per pixel", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        note = f"{len(spikes):_} spikes, shown as density".replace("_", " ")
        title = f"{title}: {note}" if title else note
    else:
        size = float(np.clip(320.0 / max(n, 1), 1.2, 9.0))
        ax.plot(
            spikes.times,
            spikes.units,
            linestyle="",
            marker="|" if n <= 150 else ".",
            markersize=size,
            markeredgewidth=1.1 if n <= 150 else 0.0,
            color=colour,
            rasterized=len(spikes) > 20_000,
        )
    ax.set(xlim=(left, right), ylim=(-0.5 - 0.02 * n, n - 0.5 + 0.02 * n))
    ax.set_xlabel(_time_label(time_unit))
    ax.set_ylabel("unit")
    _whole_ticks(ax.yaxis, n)
    titled(ax, title)
    return ax


def rate(
    spikes: Spikes,
    n: int,
    duration: float,
    ax: Axes | None = None,
    *,
    width: float | None = None,
    time_unit: str = "ms",
    colour: str = COLOURS[0],
    label: str | None = None,
) -> Axes:
    """Draw the mean rate of a unit over time, in bins of a width.

    By default bins are as narrow as holds ten spikes on average, from a 10th to a 200th of the duration.
    """
    ax = _axes(ax)
    duration = duration if duration > 0 else 1.0
    width = duration / float(np.clip(len(spikes) // 10, 10, 200)) if width is None else width
    centres, values = population_rate(spikes, n, duration, width, time_unit=time_unit)
    edges = np.append(centres - width / 2, centres[-1] + width / 2)
    ax.stairs(values, edges, baseline=None, color=colour, label=label, linewidth=1.4)
    highest = max(1.05 * float(values.max()), ax.get_ylim()[1])
    ax.set(xlim=(0, duration), ylim=(0, highest))
    ax.set_xlabel(_time_label(time_unit))
    hertz = time_unit in ("ns", "us", "ms", "s")
    ax.set_ylabel("rate per unit (Hz)" if hertz else f"rate per unit (1/{time_unit or 'time'})")
    return ax


def trace(
    samples: Samples,
    ax: Axes | None = None,
    *,
    variable: str = "value",
    time_unit: str = "ms",
    title: str | None = None,
    n_lines: int = 4,
) -> Axes:
    """Draw a sampled variable of the first `n_lines` recorded units over time."""
    ax = _axes(ax)
    shown = samples.units[:n_lines]
    for k, unit in enumerate(shown):
        values = samples.values[:, k]
        kept = np.isfinite(values)
        ax.plot(
            samples.times[kept],
            values[kept],
            color=COLOURS[k % len(COLOURS)],
            label=f"unit {unit}",
            linewidth=1.4 if len(samples.times) <= 600 else 0.8,
            marker="." if samples.every == 0 and len(samples.times) <= 600 else None,
            markersize=4,
        )
    if len(samples.times):
        ax.set_xlim(samples.times[0], max(samples.times[-1], samples.times[0] + 1e-12))
    ax.set_xlabel(_time_label(time_unit))
    ax.set_ylabel(variable)
    if len(shown) > 1:
        legend_beside(ax)
    if len(samples.units) > len(shown):
        note = f"{len(shown)} of {len(samples.units)} units"
        title = f"{title}: {note}" if title else note
    titled(ax, title)
    return ax


def training(
    series: dict[str, NDArray[Any]], ax: Axes | None = None, *, fraction: bool = False, label: str = "value"
) -> Axes:
    """Draw series over epochs; with `fraction` as per cent, positive losses on a logarithmic axis."""
    ax = _axes(ax)
    lowest = np.inf
    for k, (name, values) in enumerate(series.items()):
        values = np.asarray(values, np.float64) * (100 if fraction else 1)
        epochs = np.arange(1, len(values) + 1)
        marker = "o" if len(values) <= 30 else None
        ax.plot(epochs, values, color=COLOURS[k % len(COLOURS)], label=spoken(name), marker=marker, ms=3.5)
        lowest = min(lowest, np.nanmin(values, initial=np.inf))
    if not fraction and "loss" in label and 0 < lowest < np.inf:
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel(f"{label} (%)" if fraction else label)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    ax.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    if len(series) > 1:
        ax.legend(loc="best")
    return ax


def histogram(values: NDArray[Any], ax: Axes | None = None, *, label: str = "weight") -> Axes:
    """Draw how often values occur; zeros of sparse matrices count too, nan and inf do not."""
    ax = _axes(ax)
    flat = np.asarray(values, np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if len(flat) and float(np.ptp(flat)) > 0:
        ax.hist(flat, bins=int(np.clip(np.sqrt(len(flat)), 10, 80)), color=COLOURS[0])
    else:
        ax.bar(flat[:1], [len(flat)], color=COLOURS[0], width=0.1)
    ax.axvline(0.0, color="#888888", linewidth=0.8, zorder=0)
    ax.set_xlabel(label)
    ax.set_ylabel("number")
    return ax


def matrix(weight: NDArray[Any], ax: Axes | None = None, *, label: str = "weight") -> Axes:
    """Draw a weight matrix (pre, post) as an image, white at zero."""
    ax = _axes(ax)
    weight = np.asarray(weight, np.float64)
    bound = float(np.max(np.abs(weight[np.isfinite(weight)]), initial=0.0)) or 1.0
    image = ax.imshow(
        weight,
        aspect="auto",
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0.0, -bound, bound),
        interpolation="nearest" if max(weight.shape) < 600 else "antialiased",
    )
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.046, pad=0.02)
    ax.set_xlabel("to unit")
    ax.set_ylabel("from unit")
    _whole_ticks(ax.xaxis, weight.shape[1])
    _whole_ticks(ax.yaxis, weight.shape[0])
    return ax


def yin_yang(
    samples: NDArray[Any],
    labels: NDArray[Any],
    predicted: NDArray[Any] | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
) -> Axes:
    """Draw samples of the Yin-Yang set by class; those predicted wrongly get a black ring.

    Parameters
    ----------
    samples : ndarray, shape (n, 2 or more)
        The first two columns are x and y.
    labels, predicted : ndarray, shape (n,)
    """
    ax = _axes(ax)
    size = float(np.clip(12_000 / max(len(labels), 1), 4, 22))
    for k, name in enumerate(("yin", "yang", "dot")):
        chosen = labels == k
        ax.scatter(samples[chosen, 0], samples[chosen, 1], s=size, color=COLOURS[k], label=name, linewidths=0)
    if predicted is not None:
        wrong = predicted != labels
        ax.scatter(
            samples[wrong, 0],
            samples[wrong, 1],
            s=size + 18,
            facecolors="none",
            edgecolors="black",
            linewidths=0.9,
            label=f"wrong ({int(wrong.sum())} of {len(labels)})",
        )
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    legend_beside(ax)
    titled(ax, title)
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def legend_beside(ax: Axes) -> None:
    """Put the legend to the right of the axes, where it hides nothing."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), borderaxespad=0.3, handlelength=1.2)


def titled(ax: Axes, title: str | None) -> None:
    """Set a title if there is one."""
    if title:
        ax.set_title(title)


def _time_label(time_unit: str) -> str:
    return f"time ({'µs' if time_unit == 'us' else time_unit})" if time_unit not in ("", "1") else "time"


def _whole_ticks(axis: Axis, n: int) -> None:
    """Label whole units only; with fewer units than ticks matplotlib would label halves of them."""
    axis.set_major_locator(MaxNLocator(6, integer=True) if n > 6 else FixedLocator(range(n)))


def spoken(name: str) -> str:
    """Return a name of the file as words."""
    return name.replace("_", " ")


def _shades(colour: str) -> ListedColormap:
    """Return shades from light to dark of a colour."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    red, green, blue = to_rgb(colour)
    light = (0.82 + 0.18 * red, 0.82 + 0.18 * green, 0.82 + 0.18 * blue)
    dark = (0.45 * red, 0.45 * green, 0.45 * blue)
    ramp = LinearSegmentedColormap.from_list("shades", [light, (red, green, blue), dark])
    return ListedColormap(ramp(np.linspace(0, 1, 256)))
