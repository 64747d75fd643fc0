"""A plot of each measure, on the axis that is given or on a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.analysis.correlations import correlation, cross_correlogram
from eventsim.io.analysis.counting import rates
from eventsim.io.analysis.distances import van_rossum, victor_purpura
from eventsim.io.analysis.intervals import cv, isi, local_cv
from eventsim.io.analysis.population_spikes import PopulationSpikes
from eventsim.io.analysis.weights import synapses_of
from eventsim.io.plots.arrays import histogram
from eventsim.io.plots.styling import COLOURS, axes_or_new, set_title, time_label, whole_ticks
from eventsim.trace import Floats

GREY = "#888888"


@hinting
def plot_rates(spikes: PopulationSpikes, ax: Axes | None = None) -> Axes:
    """Draw how many units have which rate, with the mean as a line."""
    found = rates(spikes)
    ax = _distribution(found, ax, f"rate ({_hertz(spikes)})")
    _mark(ax, float(found.mean()) if len(found) else np.nan, "mean")
    set_title(ax, spikes.name)
    return ax


@hinting
def plot_isi(spikes: PopulationSpikes, ax: Axes | None = None, *, logarithmic: bool = False) -> Axes:
    """Draw how often inter-spike intervals occur; with `logarithmic` on an axis of decades."""
    found, _ = isi(spikes)
    if logarithmic:
        found = found[found > 0]
        ax = axes_or_new(ax)
        if len(found):
            edges = np.geomspace(found.min(), max(found.max(), found.min() * 1.001), _bins(found))
            ax.hist(found, bins=list(edges), color=COLOURS[0])
        ax.set_xscale("log")
        ax.set_ylabel("number")
    else:
        ax = _distribution(found, ax, "")
    ax.set_xlabel(time_label(spikes.time_unit).replace("time", "inter-spike interval"))
    if ax.get_ylabel() == "units":
        ax.set_ylabel("number")
    set_title(ax, spikes.name)
    return ax


@hinting
def plot_cv(
    spikes: PopulationSpikes,
    ax: Axes | None = None,
    *,
    measure: Literal["cv", "cv2", "lv", "lvr"] = "cv",
    min_intervals: int = 10,
) -> Axes:
    """Draw how many units have which variation of intervals; a Poisson process has 1, a grey line."""
    if measure == "cv":
        found = cv(spikes, min_intervals=min_intervals)
    else:
        found = local_cv(spikes, measure=measure, min_intervals=min_intervals)
    ax = _distribution(found[np.isfinite(found)], ax, f"{measure.upper()} of intervals")
    ax.axvline(1.0, color=GREY, linewidth=0.8, zorder=0)
    left = int((~np.isfinite(found)).sum())
    set_title(ax, f"{spikes.name}: {left} units with too few spikes left out" if left else spikes.name)
    return ax


@hinting
def plot_cross_correlogram(
    spikes: PopulationSpikes,
    other: PopulationSpikes | None = None,
    ax: Axes | None = None,
    **settings: Any,
) -> Axes:
    """Draw the cross-correlogram, or without `other` the autocorrelogram; settings are its arguments."""
    ax = axes_or_new(ax)
    lags, values = cross_correlogram(spikes, other, **settings)
    half = (lags[1] - lags[0]) / 2 if len(lags) > 1 else 0.5
    ax.stairs(values, np.append(lags - half, lags[-1] + half), fill=True, color=COLOURS[0])
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    ax.set_xlim(lags[0] - half, lags[-1] + half)
    ax.set_xlabel(time_label(spikes.time_unit).replace("time", "lag"))
    counted = settings.get("kind") == "count"
    ax.set_ylabel("pairs" if counted else f"rate at the lag ({_hertz(spikes)})")
    set_title(ax, f"{spikes.name} → {other.name}" if other is not None else spikes.name)
    return ax


@hinting
def plot_correlation(spikes: PopulationSpikes, ax: Axes | None = None, *, width: float) -> Axes:
    """Draw the correlation of each pair of units, from -1 to 1."""
    ax = _image(correlation(spikes, width=width), ax, "correlation of counts", "RdBu_r", (-1.0, 1.0))
    set_title(ax, spikes.name)
    return ax


@hinting
def plot_synchrony(spikes: PopulationSpikes, ax: Axes | None = None, *, widths: ArrayLike) -> Axes:
    """Draw the synchrony over widths of bins, beside that of as many independent units (dashed)."""
    from eventsim.io.analysis.correlations import synchrony

    ax = axes_or_new(ax)
    each = np.atleast_1d(np.asarray(widths, np.float64))
    ax.plot(each, [synchrony(spikes, width=width) for width in each], "o-", color=COLOURS[0], ms=3.5)
    ax.axhline(1 / np.sqrt(max(spikes.n, 1)), color=GREY, linestyle="--", label="independent units")
    ax.set(ylim=(0, 1.05), ylabel="synchrony χ")
    ax.set_xlabel(time_label(spikes.time_unit).replace("time", "width of bins"))
    ax.legend(loc="best")
    set_title(ax, spikes.name)
    return ax


@hinting
def plot_distances(
    spikes: PopulationSpikes,
    ax: Axes | None = None,
    *,
    tau: float | None = None,
    cost: float | None = None,
) -> Axes:
    """Draw the distance of each pair of units: van Rossum's with `tau`, Victor and Purpura's with `cost`."""
    if (tau is None) == (cost is None):
        raise ValueError(f"give tau (van Rossum) or cost (Victor-Purpura), got tau={tau!r}, cost={cost!r}")
    if tau is not None:
        found, label = van_rossum(spikes, tau=tau), f"van Rossum distance, τ = {tau:g} {spikes.time_unit}"
    else:
        assert cost is not None
        found = victor_purpura(spikes, cost=cost)
        label = f"Victor-Purpura distance, cost {cost:g} / {spikes.time_unit}"
    ax = _image(found, ax, label, "viridis", (0.0, float(found.max(initial=0.0)) or 1.0))
    set_title(ax, spikes.name)
    return ax


@hinting
def plot_latencies(found: ArrayLike, ax: Axes | None = None, *, time_unit: str = "ms") -> Axes:
    """Draw the first-spike latencies of each unit as dots, its median as a line; `found` from `latencies`.

    The title says how often a unit did not spike.
    """
    ax = axes_or_new(ax)
    values = np.atleast_2d(np.asarray(found, np.float64))
    onset, unit = np.nonzero(np.isfinite(values))
    shift = (onset - (len(values) - 1) / 2) / max(len(values), 1) * 0.6
    ax.plot(
        unit + shift, values[onset, unit], ".", color=COLOURS[0], markersize=3, rasterized=len(unit) > 20_000
    )
    for k in range(values.shape[1]):
        there = values[np.isfinite(values[:, k]), k]
        if len(there):
            ax.plot([k - 0.38, k + 0.38], [np.median(there)] * 2, color=COLOURS[1], linewidth=2)
    ax.set_xlim(-0.6, values.shape[1] - 0.4)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("unit")
    ax.set_ylabel(time_label(time_unit).replace("time", "latency"))
    whole_ticks(ax.xaxis, values.shape[1])
    missing = int((~np.isfinite(values)).sum())
    set_title(ax, f"{missing} of {values.size} without a spike" if missing else None)
    return ax


@hinting
def plot_angles(
    angles: ArrayLike | Mapping[str, ArrayLike],
    ax: Axes | None = None,
    *,
    over: ArrayLike | None = None,
    label: str = "epoch",
) -> Axes:
    """Draw angles over epochs, or over what `over` holds, a line for each name; 90 degrees is a grey line."""
    ax = axes_or_new(ax)
    named = angles if isinstance(angles, Mapping) else {"": angles}
    styles = ("-", "--", "-.", ":")
    for k, (name, values) in enumerate(named.items()):
        line = np.asarray(values, np.float64)
        places = np.arange(1, len(line) + 1) if over is None else np.asarray(over)
        ax.plot(places, line, styles[k % 4], color=COLOURS[k % len(COLOURS)], label=name or None)
    ax.axhline(90.0, color=GREY, linewidth=0.8)
    ax.set(xlabel=label, ylabel="angle (degrees)", ylim=(0, None))
    if any(named):
        ax.legend(loc="best")
    return ax


@hinting
def plot_weights(source: Any, projection: str, ax: Axes | None = None) -> Axes:
    """Draw how the weights of a projection are distributed; the source is as for `connection_statistics`."""
    return _of_synapses(source, projection, "weight", ax)


@hinting
def plot_delays(source: Any, projection: str, ax: Axes | None = None) -> Axes:
    """Draw how the delays of a projection are distributed."""
    return _of_synapses(source, projection, "delay", ax)


def _of_synapses(source: Any, projection: str, what: str, ax: Axes | None) -> Axes:
    _, _, weight, delay, _ = synapses_of(source, projection)
    values = weight if what == "weight" else delay
    if values is None:
        raise ValueError(f"the delays of {projection!r} are not here")
    ax = histogram(values, ax, label=what)
    if what == "delay":
        net = getattr(source, "net", source)
        ax.set_xlabel(time_label(getattr(net, "time_unit", "")).replace("time", "delay"))
    set_title(ax, projection)
    return ax


def _distribution(values: Floats, ax: Axes | None, label: str) -> Axes:
    """Draw a histogram of one value a unit."""
    ax = axes_or_new(ax)
    if len(values) and np.ptp(values) > 0:
        ax.hist(values, bins=_bins(values), color=COLOURS[0])
    elif len(values):
        size = abs(float(values[0])) or 1.0
        ax.bar(values[:1], [len(values)], color=COLOURS[0], width=0.1 * size)
    ax.set(xlabel=label, ylabel="units")
    return ax


def _bins(values: Floats) -> int:
    return int(np.clip(np.sqrt(len(values)), 8, 80))


def _image(values: Floats, ax: Axes | None, label: str, colours: str, ends: tuple[float, float]) -> Axes:
    """Draw a matrix of pairs of units."""
    ax = axes_or_new(ax)
    image = ax.imshow(
        np.ma.masked_invalid(values), cmap=colours, vmin=ends[0], vmax=ends[1], interpolation="nearest"
    )
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.046, pad=0.02)
    ax.set(xlabel="unit", ylabel="unit")
    whole_ticks(ax.xaxis, values.shape[1])
    whole_ticks(ax.yaxis, values.shape[0])
    return ax


def _mark(ax: Axes, value: float, label: str) -> None:
    if np.isfinite(value):
        ax.axvline(value, color=COLOURS[1], linewidth=1.4, label=f"{label} {value:.3g}")
        ax.legend(loc="best")


def _hertz(spikes: PopulationSpikes) -> str:
    return "Hz" if spikes.time_unit in ("ns", "us", "ms", "s") else f"1/{spikes.time_unit}"
