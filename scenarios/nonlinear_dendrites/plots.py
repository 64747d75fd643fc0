"""Plots of neurons with active dendrites: curves, potentials, windows, distributions, composition."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.scenarios.nonlinear_dendrites.cells import V_TH
from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# x, its label, curves with their labels, label of y; all of the tables of a run
CURVES: tuple[tuple[str, str, dict[str, str], str], ...] = (
    (
        "inputs",
        "inputs of the dendrite",
        {"epsp": "with plateau", "epsp_passive": "passive dendrite"},
        "EPSP at the soma (mV)",
    ),
    ("t_rst", "clamp of the plateau (ms)", {"high": "dendrite above -45 mV"}, "duration (ms)"),
    ("hold_off", "hold-off (ms)", {"plateaus": "8 inputs"}, "plateaus in 200 ms"),
    ("spread", "spread of the inputs (ms)", {"plateaus": "6 inputs"}, "plateaus"),
    ("inputs", "apical inputs", {"spikes": "soma", "calcium": "calcium events"}, "events"),
)


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if _curves(trace) is not None:
        found["curve"] = curve
    if any(name.startswith("window/") for name in trace.parameters):
        found["windows"] = windows
    if "potential/t" in trace.parameters:
        found["potentials"] = potentials
    if ("cells", "dendrite.v") in trace.samples:
        found["compartments"] = compartments
    if any(name.startswith("distribution/") for name in trace.parameters):
        found["distributions"] = distributions
    if "composition" in trace.training and len(trace.training["composition"]):
        found["composition"] = composition
    return found


def _curves(trace: Trace) -> tuple[str, str, dict[str, str], str] | None:
    """Return the curves that a trace has all numbers of, or None."""
    for each in CURVES:
        if all(f"table/{name}" in trace.parameters for name in (each[0], *each[2])):
            return each
    return None


def curve(trace: Trace) -> "Figure":
    """Draw what was counted or measured against what was varied."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    found = _curves(trace)
    assert found is not None
    x, x_label, curves, y_label = found
    with plots.style():
        figure = Figure(figsize=(5.0, 3.2), layout="constrained")
        axes = figure.subplots()
        for k, (name, label) in enumerate(curves.items()):
            values = trace.parameters[f"table/{name}"]
            axes.plot(trace.parameters[f"table/{x}"], values, label=label, **plots.look(k))
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.set_ylim(bottom=0.0)
        axes.legend()
    return figure


def potentials(trace: Trace) -> "Figure":
    """Draw the potentials of every compartment for each setting, and its threshold."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    from eventsim.io import plots

    t = trace.parameters["potential/t"]
    labels = [label.decode() for label in trace.parameters["potential/labels"]]
    parts = [n for n in ("soma", "dendrite", "apical") if f"potential/{n}" in trace.parameters]
    with plots.style():
        figure = Figure(figsize=(8.0, max(2.2 * len(parts), 2.8)), layout="constrained")
        colours = colormaps["viridis"](np.linspace(0.0, 0.9, len(labels)))  # settings have an order
        for axes, part in zip(
            figure.subplots(len(parts), 1, sharex=True, squeeze=False)[:, 0], parts, strict=True
        ):
            for k, row in enumerate(trace.parameters[f"potential/{part}"]):
                axes.plot(t, row, color=colours[k], linewidth=0.9, label=labels[k])
            axes.axhline(V_TH[part], color=plots.GREY, linewidth=1.0, linestyle="--", label="threshold")
            axes.set(ylabel=f"{part} (mV)")
        figure.axes[-1].set(xlabel="time (ms)")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def compartments(trace: Trace) -> "Figure":
    """Draw soma and dendrite of some neurons of the network, their thresholds (dotted) and events."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    soma, dendrite = trace.samples["cells", "soma.v"], trace.samples["cells", "dendrite.v"]
    shown = soma.units[:3]
    with plots.style():
        figure = Figure(figsize=(7.0, 1.8 * len(shown)), layout="constrained")
        for k, axes in enumerate(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]):
            for samples, name, label in ((soma, "cells", "soma"), (dendrite, "cells.dendrite", "dendrite")):
                colour = plots.COLOURS[int(label == "dendrite")]
                line = "-" if label == "soma" else "--"
                axes.plot(samples.times, samples.values[:, k], line, color=colour, linewidth=1.0, label=label)
                axes.axhline(V_TH[label], color=colour, linewidth=0.8, linestyle=":", zorder=0)
                events = trace.spikes[name]
                times = events.times[events.units == shown[k]]
                axes.plot(times, np.full(len(times), -28.0 - 4 * (label == "soma")), "|", color=colour)
            axes.set(ylabel=f"neuron {shown[k]} (mV)")
        figure.axes[-1].set(xlabel="time (ms)")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def windows(trace: Trace) -> "Figure":
    """Draw at which lags the neuron fires, one bar for each setting."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    apical = "table/calcium" in trace.parameters
    lags = trace.parameters["window/lags"]
    names = [n for n in trace.parameters if n.startswith("window/") and n != "window/lags"]
    with plots.style():
        figure = Figure(figsize=(6.0, 0.4 * len(names) + 1.0), layout="constrained")
        axes = figure.subplots()
        for k, name in enumerate(names):
            fires = lags[trace.parameters[name] > 0]
            step = lags[1] - lags[0]
            bars = [(lag - step / 2, step) for lag in fires]
            axes.broken_barh(bars, (k - 0.2, 0.4), color=plots.COLOURS[int(name.endswith("passive"))])
        labels = [name.removeprefix("window/").replace("_", " ") for name in names]
        what = "apical inputs" if apical else "somatic inputs"
        after = "current" if apical else "dendritic volley"
        axes.set(xlabel=f"{what} after the {after} (ms)", ylabel=what)
        axes.set(yticks=range(len(names)), yticklabels=labels, ylim=(-0.6, len(names) - 0.4))
        axes.set_xlim(lags[0] - 2, lags[-1] + 2)
    return figure


def distributions(trace: Trace) -> "Figure":
    """Draw what devices with mismatch do, before calibration and after."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    titles = {
        "threshold_inputs": "inputs at threshold",
        "duration": "plateau (ms)",
        "window": "window (ms)",
    }
    with plots.style():
        figure = Figure(figsize=(9.0, 2.8), layout="constrained")
        for axes, (what, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
            values = [trace.parameters[f"distribution/{what}/{n}"] for n in ("uncalibrated", "calibrated")]
            low, high = min(v.min() for v in values), max(v.max() for v in values)
            bins = np.linspace(
                low - 0.5, high + 0.5, 14 if what != "threshold_inputs" else int(high - low) + 2
            )
            axes.hist(values, bins, color=plots.COLOURS[:2], label=["uncalibrated", "calibrated"])
            axes.set(xlabel=title, ylabel="devices")
        figure.axes[0].legend()
    return figure


def composition(trace: Trace) -> "Figure":
    """Draw how many synapses of each dendrite come from each group, over time."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    counts = np.asarray(trace.training["composition"])  # (periods, dendrites, groups)
    with plots.style():
        figure = Figure(figsize=(9.0, 4.0), layout="constrained")
        for k, axes in enumerate(figure.subplots(2, 4, sharex=True, sharey=True).ravel()):
            labels = [f"group {group}" for group in range(counts.shape[2])]
            axes.stackplot(np.arange(len(counts)), counts[:, k].T, colors=plots.COLOURS, labels=labels)
            axes.set_title(f"dendrite {k}")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
        figure.supxlabel("runs of the kernel")
        figure.supylabel("synapses from each group")
    return figure
