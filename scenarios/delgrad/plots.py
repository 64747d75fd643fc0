"""Plots of DelGrad runs: what was learned, how spikes moved, accuracy against the number of parameters."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Spikes, Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if len(trace.parameters.get("networks/n_hidden", ())) > 1:
        found["efficiency"] = efficiency
    if any(name.startswith("initial/weight/") for name in trace.parameters):
        found["distributions"] = distributions
    if "before/hidden/times" in trace.parameters and trace.spikes:
        found["before-after"] = before_after
    return found


def distributions(trace: Trace) -> "Figure":
    """Draw how weights and delays of each projection are distributed, before and after training."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    names = [name for name in trace.parameters if name.startswith(("weight/", "delay/"))]
    projections = sorted(
        {name.partition("/")[2] for name in names}, key=lambda name: not name.startswith("input->")
    )
    kinds = [kind for kind in ("weight", "delay") if any(name.startswith(f"{kind}/") for name in names)]
    labels = {"weight": "weight", "delay": f"delay ({trace.time_unit})"}
    with plots.style():
        figure = Figure(figsize=(4.4 * len(kinds), 0.6 + 2.5 * len(projections)), layout="constrained")
        panels = figure.subplots(len(projections), len(kinds), squeeze=False)
        for row, projection in zip(panels, projections, strict=True):
            for axes, kind in zip(row, kinds, strict=True):
                name = f"{kind}/{projection}"
                after, before = trace.parameters[name].ravel(), trace.parameters[f"initial/{name}"].ravel()
                both = np.concatenate([before, after])
                edges = np.linspace(both.min(), both.max(), int(np.clip(np.sqrt(len(both)) * 1.5, 8, 40)))
                for values, label, colour in (
                    (before, "before", plots.GREY),
                    (after, "after", plots.COLOURS[0]),
                ):
                    hatched = {"hatch": "////", "facecolor": "none", "edgecolor": colour}
                    filled = {"color": colour, "alpha": 0.75}
                    axes.hist(values, edges, label=label, **(hatched if label == "before" else filled))
                axes.set(xlabel=labels[kind], ylabel="number")
                axes.set_title(f"{kind}s, {projection.replace('->', ' → ')}")
        panels[0][-1].legend()
    return figure


def before_after(trace: Trace) -> "Figure":
    """Draw the spikes of the first test samples before training beside those after it."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    names = list(trace.spikes)
    heights = [float(np.clip(np.sqrt(trace.sizes[name]), 2, 10)) for name in names]
    with plots.style():
        size = (11.0, float(np.clip(1.2 + 0.45 * sum(heights), 3.0, 11.0)))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(names), 2, sharex=True, squeeze=False, height_ratios=heights)
        for k, (row, name) in enumerate(zip(panels, names, strict=True)):
            before = Spikes(
                trace.parameters[f"before/{name}/times"], trace.parameters[f"before/{name}/units"]
            )
            for axes, spikes, when in ((row[0], before, "before"), (row[1], trace.spikes[name], "after")):
                plots.raster(
                    spikes,
                    trace.sizes[name],
                    axes,
                    time_unit=trace.time_unit,
                    span=(0.0, trace.duration),
                    colour=plots.COLOURS[k % len(plots.COLOURS)],
                    title=f"{name}, {when} training" if k == 0 else name,
                )
                shown = plots.decisions.shown_samples(replace(trace, spikes={name: spikes}))
                plots.mark_samples(axes, shown, name, named=k == 0)
                if k < len(names) - 1:
                    axes.set_xlabel("")
            row[1].set_ylabel("")
    return figure


def efficiency(trace: Trace) -> "Figure":
    """Draw test accuracy against the size of the hidden layer, and against the number of trained numbers."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    accuracy = trace.parameters["networks/test_accuracy"]
    kinds = str(trace.provenance.get("kinds", "")).split()
    number = trace.parameters["networks/kind"]
    across = (
        ("hidden neurons", trace.parameters["networks/n_hidden"]),
        ("trained numbers", trace.parameters["networks/trained_numbers"][:, 0]),
    )
    with plots.style():
        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (label, x) in zip(panels, across, strict=True):
            for k, kind in enumerate(kinds):
                rows = np.flatnonzero(number == k)
                rows = rows[np.argsort(x[rows])]
                mean = 100 * accuracy[rows].mean(axis=1)
                colour = plots.COLOURS[k % len(plots.COLOURS)]
                if accuracy.shape[1] > 1:
                    spread = 100 * accuracy[rows].std(axis=1, ddof=1)
                    axes.errorbar(x[rows], mean, spread, color=colour, capsize=2, linewidth=0.8)
                axes.plot(x[rows], mean, label=kind, **plots.look(k))
            axes.set_xlabel(label)
        panels[0].set_ylabel("test accuracy (%)")
        panels[1].legend(loc="lower right")
        networks = accuracy.shape[1]
        figure.suptitle(f"mean and standard deviation of {networks} networks each" if networks > 1 else "")
    return figure
