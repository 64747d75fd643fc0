"""Plots of whole runs, by name, into files; the functions that draw single axes are here as well.

plot(load("run.h5"), "raster", "raster.png")
ax = raster(trace.spikes["hidden"], n=120)
"""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.io.config import nearest
from eventsim.io.hdf5.safety import check_destination
from eventsim.io.plots.arrays import histogram, matrix, yin_yang
from eventsim.io.plots.curves import trace, training
from eventsim.io.plots.spike_plots import raster, rate
from eventsim.io.plots.styling import COLOURS, legend_beside, readable_name, set_title, style
from eventsim.trace import Trace

DPI = 150


def available(run: Trace) -> dict[str, Callable[[Trace], Figure]]:
    """Return the plots that a trace has the data for by name, the most telling first."""
    return {name: draw for name, (fits, draw) in _PLOTS.items() if fits(run)}


def plot(run: Trace, what: str | None, path: str | os.PathLike[str]) -> str:
    """Draw a trace into a file (PNG, PDF, SVG by its ending) and return what was drawn.

    Parameters
    ----------
    what : str, optional
        A name of `available(run)`; default the first of them.

    Raises
    ------
    UnknownPart
        If there is no such plot, or this trace has nothing for it; the message lists what there is.
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
    possible[what](run).savefig(target, dpi=DPI)
    return what


def _styled(draw: Callable[[Trace, Figure], None]) -> Callable[[Trace], Figure]:
    """Make a function that draws into a figure one that returns a figure in this module's style."""

    def drawn(run: Trace) -> Figure:
        with style():
            figure = Figure(layout="constrained")
            draw(run, figure)
        return figure

    return drawn


@_styled
def _rasters(run: Trace, figure: Figure) -> None:
    """One raster below the other, as high as the populations are large, within bounds."""
    names = list(run.spikes)[:8]
    sizes = [_size(run, name) for name in names]
    heights = [float(np.clip(np.sqrt(size), 3, 14)) for size in sizes]
    figure.set_size_inches(8.0, float(np.clip(0.9 * len(names) + 0.22 * sum(heights), 2.6, 11)))
    span = (_first_time(run), _duration(run))
    panels = _stack(figure, len(names), heights)
    for k, (ax, name) in enumerate(zip(panels, names, strict=True)):
        colour = COLOURS[k % len(COLOURS)]
        raster(run.spikes[name], sizes[k], ax, time_unit=run.time_unit, span=span, colour=colour, title=name)
    _only_lowest_label(panels)


@_styled
def _rates(run: Trace, figure: Figure) -> None:
    figure.set_size_inches(8.0, 3.6)
    ax = figure.subplots()
    for k, (name, spikes) in enumerate(list(run.spikes.items())[:8]):
        colour = COLOURS[k % len(COLOURS)]
        rate(spikes, _size(run, name), _duration(run), ax, time_unit=run.time_unit, colour=colour, label=name)
    if len(run.spikes) > 1:
        legend_beside(ax)
    else:
        set_title(ax, next(iter(run.spikes)))


@_styled
def _traces(run: Trace, figure: Figure) -> None:
    items = list(run.samples.items())[:6]
    figure.set_size_inches(8.0, 1.0 + 2.1 * len(items))
    panels = _stack(figure, len(items))
    for ax, ((name, variable), samples) in zip(panels, items, strict=True):
        trace(samples, ax, variable=variable, time_unit=run.time_unit, title=name)
    _only_lowest_label(panels)


KINDS_OF_SERIES = ("accuracy", "loss", "error", "missing")


@_styled
def _training(run: Trace, figure: Figure) -> None:
    """Accuracies together, losses together, everything else on its own and after these."""
    groups: dict[str, dict[str, NDArray[Any]]] = {kind: {} for kind in KINDS_OF_SERIES}
    for name, values in _curves(run).items():
        kind = next((word for word in KINDS_OF_SERIES if word in name), name)
        groups.setdefault(kind, {})[name] = values
    chosen = [(kind, series) for kind, series in groups.items() if series][:6]
    figure.set_size_inches(7.0, 0.8 + 2.2 * len(chosen))
    panels = _stack(figure, len(chosen))
    for ax, (kind, series) in zip(panels, chosen, strict=True):
        values = np.concatenate([np.ravel(item) for item in series.values()])
        fraction = kind in ("accuracy", "error", "missing") and bool(np.nanmax(values, initial=0.0) <= 1.0)
        training(series, ax, fraction=fraction, label=readable_name(kind))
        if len(series) == 1 and next(iter(series)) != kind:
            set_title(ax, readable_name(next(iter(series))))
    _only_lowest_label(panels)


@_styled
def _weights(run: Trace, figure: Figure) -> None:
    items = list(_matrices(run).items())[:5]
    figure.set_size_inches(9.0, 0.5 + 2.9 * len(items))
    panels = figure.subplots(len(items), 2, squeeze=False, width_ratios=(1.5, 1))
    for (left, right), (name, values) in zip(panels, items, strict=True):
        matrix(values, left)
        histogram(values, right)
        set_title(left, name.removeprefix("weight/").replace("->", " → "))


@_styled
def _yin_yangs(run: Trace, figure: Figure) -> None:
    sets = _labelled(run)[:3]
    figure.set_size_inches(1.8 + 4.4 * len(sets), 4.4)
    for ax, prefix in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        found = [run.parameters.get(prefix + name) for name in ("samples", "labels", "predicted")]
        samples, labels, predicted = found
        assert samples is not None
        assert labels is not None
        yin_yang(samples, labels, predicted, ax, title=prefix.strip("/_") or None)


def _labelled(run: Trace) -> list[str]:
    """Return the prefixes of sets among the parameters, such as ``test_`` of samples and labels."""
    prefixes = []
    for name, labels in run.parameters.items():
        prefix, samples = (
            name.removesuffix("labels"),
            run.parameters.get(name.removesuffix("labels") + "samples"),
        )
        if prefix == name or samples is None or samples.ndim != 2 or samples.shape[1] not in (2, 4, 5):
            continue
        if len(samples) == len(labels) and labels.dtype.kind in "iu" and labels.max(initial=0) <= 2:
            prefixes.append(prefix)
    return prefixes


def _curves(run: Trace) -> dict[str, NDArray[Any]]:
    return {
        name: values
        for name, values in run.training.items()
        if values.ndim == 1 and len(values) and values.dtype.kind in "biuf"
    }


def _matrices(run: Trace) -> dict[str, NDArray[Any]]:
    """Return the weight matrices, or, if none is called so, all matrices of numbers."""
    found = {
        name: values
        for name, values in run.parameters.items()
        if values.ndim == 2 and values.size and values.dtype.kind in "iuf"
    }
    return {name: values for name, values in found.items() if "weight" in name} or {
        name: values for name, values in found.items() if not name.endswith("samples")
    }


_PLOTS: dict[str, tuple[Callable[[Trace], Any], Callable[[Trace], Figure]]] = {
    "training": (_curves, _training),
    "raster": (lambda run: any(len(spikes) for spikes in run.spikes.values()), _rasters),
    "rate": (lambda run: any(len(spikes) for spikes in run.spikes.values()), _rates),
    "trace": (lambda run: any(len(samples.times) for samples in run.samples.values()), _traces),
    "yin-yang": (_labelled, _yin_yangs),
    "weights": (_matrices, _weights),
}


def _stack(figure: Figure, n: int, heights: Sequence[float] | None = None) -> list[Axes]:
    return list(figure.subplots(n, 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0])


def _only_lowest_label(panels: Iterable[Axes]) -> None:
    for ax in list(panels)[:-1]:
        ax.set_xlabel("")


def _size(run: Trace, name: str) -> int:
    return max(1, run.sizes.get(name, int(run.spikes[name].units.max(initial=0)) + 1))


def _first_time(run: Trace) -> float:
    return min([0.0, *(float(spikes.times[0]) for spikes in run.spikes.values() if len(spikes))])


def _duration(run: Trace) -> float:
    last = max([0.0, *(float(spikes.times[-1]) for spikes in run.spikes.values() if len(spikes))])
    return run.duration if run.duration >= last and run.duration > 0 else (last or 1.0)
