"""Plots of spikes: rasters and rates.

A raster of too many spikes for single dots shows their density, and says so.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm

from eventsim.hints import hinting
from eventsim.io.analysis.counting import extent, population_rate
from eventsim.io.analysis.population_spikes import PopulationSpikes, refuse_others
from eventsim.io.plots.decisions import ShownSample
from eventsim.io.plots.styling import (
    COLOURS,
    GREY,
    axes_or_new,
    legend_beside,
    set_title,
    time_label,
    whole_ticks,
)
from eventsim.trace import Spikes

MOST_NAMED = 40  # samples whose class is written
DOT_LIMIT = 200_000
"""More spikes than this are drawn as a density."""


@hinting
def raster(
    spikes: Spikes | PopulationSpikes,
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
    spikes : Spikes or PopulationSpikes
        ``sim.spikes(name)``, or what `es.analysis.select` returns, which knows units, span and time unit.
    n : int, optional
        Units of the population; default up to the highest that spiked.
    span : (float, float), optional
        Time axis; default from 0 to the last spike.
    """
    ax = axes_or_new(ax)
    refuse_others(spikes)
    if isinstance(spikes, PopulationSpikes):
        n, time_unit = spikes.n if n is None else n, spikes.time_unit
        span = (spikes.start, spikes.stop) if span is None else span
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
        most = 2.2 if len(spikes) > 5000 else 3.2  # dots of many spikes would cover each other
        size = float(np.clip(320.0 / max(n, 1), most, 9.0))
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
    ax.set_xlabel(time_label(time_unit))
    ax.set_ylabel("unit")
    whole_ticks(ax.yaxis, n)
    set_title(ax, title)
    return ax


def mark_samples(ax: Axes, shown: Sequence[ShownSample], population: str, *, named: bool) -> None:
    """Mark where samples begin, and what decides, right or wrong: the first spike, or the highest membrane.

    Parameters
    ----------
    named : bool
        Write the true class of each sample above the axes.
    """
    for each in shown[1:]:
        ax.axvline(each.start, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    if named and 0 < len(shown) <= MOST_NAMED:
        for each in shown:
            ax.text(
                (each.start + each.end) / 2,
                1.0,
                str(each.label),
                transform=ax.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=9,
                color="#4d555e",
            )
        ax.set_title(f"{ax.get_title(loc='left')}; above: true class", loc="left", pad=15)
    for right, mark in ((True, "*"), (False, "X")):
        chosen = [e for e in shown if e.population == population and e.first is not None]
        chosen = [each for each in chosen if (each.unit == each.label) == right]
        if chosen:
            ax.plot(
                np.array([each.first for each in chosen], np.float64),
                np.array([each.unit if each.height is None else each.height for each in chosen], np.float64),
                linestyle="",
                marker=mark,
                markersize=9,
                markerfacecolor="#ffd24d",
                markeredgecolor="#3a3f45",
                markeredgewidth=0.8,
                label=f"{_deciding(chosen[0])}, {'right' if right else 'wrong'}",
            )
    if ax.get_legend_handles_labels()[0]:
        legend_beside(ax)


def _deciding(sample: ShownSample) -> str:
    return "first spike" if sample.height is None else "highest membrane"


@hinting
def rate(
    spikes: Spikes | PopulationSpikes,
    n: int | None = None,
    duration: float | None = None,
    ax: Axes | None = None,
    *,
    width: float | None = None,
    time_unit: str = "ms",
    colour: str = COLOURS[0],
    label: str | None = None,
) -> Axes:
    """Draw the mean rate of a unit over time, in bins of a width.

    By default the width is that of `default_width`. Spikes after the last whole bin are not shown. What
    `es.analysis.select` returns knows its units and duration; for `Spikes` both are needed.
    """
    duration, start, time_unit = extent(spikes, duration, None, None if time_unit == "ms" else time_unit)
    ax = axes_or_new(ax)
    duration = duration if duration > 0 else 1.0
    width = default_width(duration, len(spikes)) if width is None else width
    centres, values = population_rate(spikes, n, duration, width, start, time_unit)
    edges = np.append(centres - width / 2, centres[-1] + width / 2)
    ax.stairs(values, edges, baseline=None, color=colour, label=label, linewidth=1.4)
    highest = max(1.05 * float(values.max()), ax.get_ylim()[1])
    ax.set(xlim=(start, start + duration), ylim=(0, highest))
    ax.set_xlabel(time_label(time_unit))
    hertz = time_unit in ("ns", "us", "ms", "s")
    ax.set_ylabel("rate per unit (Hz)" if hertz else f"rate per unit (1/{time_unit or 'time'})")
    return ax


def default_width(duration: float, n_spikes: int) -> float:
    """Return the width of bins that hold ten spikes on average: 1, 2 or 5 times a power of ten.

    At least 10 and at most 500 bins fit the duration.
    """
    longest = duration / float(np.clip(n_spikes // 10, 10, 200))
    power = 10.0 ** np.floor(np.log10(longest))
    steps = [step for step in (1, 2, 5) if step * power <= longest]
    return float(f"{(steps or [1])[-1] * power:.0e}")


def _shades(colour: str) -> ListedColormap:
    """Return shades from light to dark of a colour."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    red, green, blue = to_rgb(colour)
    light = (0.82 + 0.18 * red, 0.82 + 0.18 * green, 0.82 + 0.18 * blue)
    dark = (0.45 * red, 0.45 * green, 0.45 * blue)
    ramp = LinearSegmentedColormap.from_list("shades", [light, (red, green, blue), dark])
    return ListedColormap(ramp(np.linspace(0, 1, 256)))
