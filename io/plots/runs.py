"""Plots of whole runs by name, as figures or into files.

trace = es.io.load("run.h5")
es.io.plots.plot(trace, "raster", "raster.png")
figure = es.io.plots.available(trace)["raster"](trace)
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.hints import hinting
from eventsim.io.config import nearest
from eventsim.io.declared import thresholds, unit_of
from eventsim.io.hdf5.safety import check_destination
from eventsim.io.plots.arrays import histogram, matrix, yin_yang
from eventsim.io.plots.curves import N_LINES, trace, training
from eventsim.io.plots.decisions import readout_membranes, shown_samples
from eventsim.io.plots.finishing import labelled, save
from eventsim.io.plots.series import axis_of, curves, groups, is_fraction, matrices
from eventsim.io.plots.spike_plots import default_width, mark_samples, raster, rate
from eventsim.io.plots.styling import COLOURS, LINES, readable_name, set_title, style, time_label
from eventsim.trace import Trace

K = TypeVar("K")
V = TypeVar("V")


@hinting
def available(run: Trace) -> dict[str, Callable[[Trace], Figure]]:
    """Return the plots that a trace has the data for by name, the most telling first."""
    return {name: labelled(draw) for name, (fits, draw) in _PLOTS.items() if fits(run)}


@hinting
def plot(run: Trace, what: str | None, path: str | os.PathLike[str]) -> str:
    """Draw a trace into a file (PNG, PDF, SVG by its ending) and return what was drawn.

    Parameters
    ----------
    what : str, optional
        A name of `available(run)`; default the first of them.

    Raises
    ------
    UnknownPart
        If there is no such plot, or the trace has no data for it; the message lists the possible plots.
    ValueError
        If the ending of `path` names no format.
    OSError
        If `path` cannot be written.
    """
    possible = available(run)
    if what is None:
        if not possible:
            raise UnknownPart("nothing to plot: no spikes, samples, weights or training series")
        what = next(iter(possible))
    if what not in _PLOTS:
        raise UnknownPart(f"no plot {what!r}; {nearest(what, possible)}")
    if what not in possible:
        raise UnknownPart(f"nothing to plot for {what!r} here; known: {', '.join(possible) or 'none'}")
    target = check_destination(path, overwrite=True)
    formats = Figure().canvas.get_supported_filetypes()
    if target.suffix.lstrip(".").lower() not in formats:
        raise ValueError(f"{target.name!r} must end with a format: .{', .'.join(sorted(formats))}")
    save(possible[what](run), target)
    return what


def _styled(draw: Callable[[Trace, Figure], None]) -> Callable[[Trace], Figure]:
    """Make a function that draws into a figure one that returns a figure in this module's style."""

    @wraps(draw)
    def drawn(run: Trace) -> Figure:
        with style():
            figure = Figure(layout="constrained")
            draw(run, figure)
        return figure

    return drawn


@_styled
def _rasters(run: Trace, figure: Figure) -> None:
    """One raster below the other, as high as the populations are large; silent populations are named.

    Outputs that do not spike are shown by their membranes, if the run has them.
    """
    spiking = {name: spikes for name, spikes in run.spikes.items() if len(spikes)}
    names = [name for name, _ in _first(spiking, 8, figure, "populations")]
    sizes = [size_of(run, name) for name in names]
    heights = [float(np.clip(np.sqrt(size), 3, 14)) for size in sizes]
    span, shown = (first_time(run), duration_of(run)), shown_samples(run)
    outputs = readout_membranes(run) if shown else None
    heights += [6.0] if outputs is not None else []
    figure.set_size_inches(8.0, float(np.clip(0.9 * len(heights) + 0.22 * sum(heights) + 0.3, 2.6, 11)))
    panels = _stack(figure, len(heights), heights)
    for k, (ax, name) in enumerate(zip(panels, names, strict=False)):
        colour = COLOURS[k % len(COLOURS)]
        raster(run.spikes[name], sizes[k], ax, time_unit=run.time_unit, span=span, colour=colour, title=name)
        mark_samples(ax, shown, name, named=k == 0)
    readout = ""
    if outputs is not None:
        ax, readout = panels[-1], shown[0].population
        for column, values in enumerate(outputs.values.T):
            dashes = LINES[column // len(COLOURS) % len(LINES)]
            ax.plot(
                outputs.times, values, color=COLOURS[column % len(COLOURS)], linestyle=dashes, linewidth=0.8
            )
        unit = unit_of(run, readout, "v")
        ax.set(xlabel=time_label(run.time_unit), ylabel=f"v ({unit})" if unit else "v", xlim=span)
        set_title(ax, f"{readout}: membranes, a line for each class")
        mark_samples(ax, shown, readout, named=not names)
    silent = [name for name in run.spikes if name not in spiking and name != readout]
    if silent and len(spiking) <= 8:
        figure.supxlabel(f"without spikes: {', '.join(silent)}", fontsize=8, color="#555555")
    _only_lowest_label(panels)


@_styled
def _rates(run: Trace, figure: Figure) -> None:
    """All populations in the same bins, one below the other."""
    spiking = {name: spikes for name, spikes in run.spikes.items() if len(spikes)}
    shown = dict(_first(spiking, 8, figure, "populations"))
    figure.set_size_inches(8.0, 1.4 + 1.3 * len(shown))
    width = default_width(duration_of(run), max(map(len, shown.values())))
    panels = _stack(figure, len(shown))
    for k, (ax, (name, spikes)) in enumerate(zip(panels, shown.items(), strict=True)):
        colour, size = COLOURS[k % len(COLOURS)], size_of(run, name)
        rate(spikes, size, duration_of(run), ax, width=width, time_unit=run.time_unit, colour=colour)
        set_title(ax, f"{name}, bins of {width:g} {run.time_unit}" if k == 0 else name)
        unit = ax.get_ylabel().partition("(")[2]
        ax.set_ylabel(f"rate ({unit}" if unit else "rate")
    _only_lowest_label(panels)


@_styled
def _traces(run: Trace, figure: Figure) -> None:
    """Sampled variables over time, one below the other; membranes with their thresholds."""
    items = _first(run.samples, 6, figure, "variables")
    figure.set_size_inches(8.0, 1.0 + 2.1 * len(items))
    panels = _stack(figure, len(items))
    for ax, ((name, variable), samples) in zip(panels, items, strict=True):
        unit = unit_of(run, name, variable)
        levels = thresholds(run, name, variable, samples.units[:N_LINES])
        label = f"{variable} ({unit})" if unit else variable
        trace(samples, ax, variable=label, time_unit=run.time_unit, title=name, thresholds=levels)
    _only_lowest_label(panels)


@_styled
def _training(run: Trace, figure: Figure) -> None:
    """Accuracies together, losses together, learning rates together, then everything else."""
    chosen = _first(groups(run), 6, figure, "kinds of series")
    figure.set_size_inches(7.0, 0.8 + 2.2 * len(chosen))
    panels = _stack(figure, len(chosen))
    for ax, (kind, series) in zip(panels, chosen, strict=True):
        training(
            series,
            ax,
            fraction=is_fraction(kind, series),
            label=readable_name(kind),
            over=partial(axis_of, run),
        )
        if len(series) == 1 and next(iter(series)) != kind:
            set_title(ax, readable_name(next(iter(series))))
    _only_lowest_label(panels)


@_styled
def _weights(run: Trace, figure: Figure) -> None:
    """Weights in the order of the network, all on one scale, and how they are distributed."""
    items = _first(matrices(run), 5, figure, "matrices")
    figure.set_size_inches(9.0, 0.5 + 2.9 * len(items))
    panels = figure.subplots(len(items), 2, squeeze=False, width_ratios=(1.5, 1))
    bound = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for _, values in items)
    for (left, right), (name, values) in zip(panels, items, strict=True):
        matrix(values, left, bound=bound)
        histogram(values, right)
        right.set_xlim(-1.05 * (bound or 1.0), 1.05 * (bound or 1.0))
        when, _, projection = name.rpartition("weight/")
        title = projection.replace("->", " → ")
        set_title(left, f"{title}, {readable_name(when.strip('/'))}" if when else title)


@_styled
def _yin_yangs(run: Trace, figure: Figure) -> None:
    """Samples of the Yin-Yang set by class; a ring marks those that were predicted wrongly."""
    sets = [prefix for prefix, _ in _first(dict.fromkeys(_labelled(run)), 3, figure, "sets")]
    figure.set_size_inches(1.8 + 4.4 * len(sets), 4.4)
    for ax, prefix in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        found = [run.parameters.get(prefix + name) for name in ("samples", "labels", "predicted")]
        samples, labels, predicted = found
        assert samples is not None
        assert labels is not None
        yin_yang(samples, labels, predicted, ax, title=prefix.strip("/_") or None)


def _labelled(run: Trace) -> list[str]:
    """Return the prefixes of Yin-Yang sets among the parameters, such as ``test_`` of samples and labels."""
    prefixes = []
    for name, labels in run.parameters.items():
        prefix = name.removesuffix("labels")
        samples = run.parameters.get(f"{prefix}samples")
        if prefix == name or samples is None or samples.ndim != 2 or len(samples) != len(labels):
            continue
        if labels.dtype.kind in "iu" and labels.max(initial=0) <= 2 and _in_yin_yang(samples):
            prefixes.append(prefix)
    return prefixes


def _in_yin_yang(samples: NDArray[Any]) -> bool:
    """Return whether samples are points of the Yin-Yang disc, alone or with their mirror images."""
    if samples.dtype.kind != "f" or samples.shape[1] not in (2, 4, 5) or not len(samples):
        return False
    points = samples[:, :2]
    inside = bool((((points - 0.5) ** 2).sum(axis=1) <= 0.25 + 1e-6).all())
    return inside and (samples.shape[1] == 2 or bool(np.allclose(samples[:, 2:4], 1 - points, atol=1e-6)))


_PLOTS: dict[str, tuple[Callable[[Trace], Any], Callable[[Trace], Figure]]] = {
    "training": (curves, _training),
    "raster": (lambda run: any(len(spikes) for spikes in run.spikes.values()), _rasters),
    "rate": (lambda run: any(len(spikes) for spikes in run.spikes.values()), _rates),
    "trace": (lambda run: any(len(samples.times) for samples in run.samples.values()), _traces),
    "yin-yang": (_labelled, _yin_yangs),
    "weights": (matrices, _weights),
}


def _first(items: Mapping[K, V], limit: int, figure: Figure, what: str) -> list[tuple[K, V]]:
    """Return the first items; the figure says if there are more."""
    if len(items) > limit:
        figure.supxlabel(f"the first {limit} of {len(items)} {what}", fontsize=8, color="#555555")
    return list(items.items())[:limit]


def _stack(figure: Figure, n: int, heights: Sequence[float] | None = None) -> list[Axes]:
    return list(figure.subplots(n, 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0])


def _only_lowest_label(panels: Iterable[Axes]) -> None:
    for ax in list(panels)[:-1]:
        ax.set_xlabel("")


def size_of(run: Trace, name: str) -> int:
    """Return the units of a population; up to the highest that spiked where the run does not say."""
    return max(1, run.sizes.get(name, int(run.spikes[name].units.max(initial=0)) + 1))


def first_time(run: Trace) -> float:
    """Return where the time axis begins: 0, or the first spike before it."""
    return min([0.0, *(float(spikes.times[0]) for spikes in run.spikes.values() if len(spikes))])


def duration_of(run: Trace) -> float:
    """Return where the time axis ends: the clock at the end, or the last spike."""
    last = max([0.0, *(float(spikes.times[-1]) for spikes in run.spikes.values() if len(spikes))])
    return run.duration if run.duration >= last and run.duration > 0 else (last or 1.0)
