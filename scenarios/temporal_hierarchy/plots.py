"""Plots of temporal hierarchies: accuracy against the hierarchy, time constants in training, one sequence."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Floats, Ints, Spikes, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "delta_tau": "time constant of the last hidden layer minus that of the first (ms)",
    "tau_mem": "time constant of all hidden layers (ms)",
    "noise": "background (spikes per input and step)",
    "n_hidden": "neurons of a hidden layer",
    "delta_kernel": "kernel of the last hidden layer minus that of the first (steps)",
    "delta_dilation": "dilation of the last hidden layer minus that of the first (steps)",
}


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "networks/value" in trace.parameters:
        found["hierarchy"] = hierarchy
    if "tau_mem" in trace.training:
        found["emergence"] = emergence
    if "membrane/label" in trace.parameters:
        found["sequence"] = sequence
    return found


def hierarchy(trace: Trace) -> "Figure":
    """Draw the test accuracy against the setting that was varied, a dot for each network."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    values = trace.parameters["networks/value"]
    accuracy = 100 * trace.parameters["networks/test_accuracy"]
    order, varied = np.argsort(values), str(trace.provenance.get("varied", "delta_tau"))
    with plots.style():
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.plot(values[order], accuracy[order].mean(axis=1), color=plots.COLOURS[0])
        for column in accuracy.T:
            axes.plot(values, column, "o", color=plots.COLOURS[0], markersize=4, alpha=0.7)
        if varied.startswith("delta"):
            axes.axvline(0, color=plots.GREY, linewidth=0.8, zorder=0)
            low, high = axes.get_xlim()
            words = ((low, "left", "slow layers first"), (high, "right", "fast layers first"))
            for x, side, text in words:
                axes.text(x, axes.get_ylim()[1], text, ha=side, va="bottom", fontsize=9, color="#555555")
        axes.set(xlabel=LABELS.get(varied, varied), ylabel="test accuracy (%)")
        n = accuracy.shape[1]
        figure.suptitle(f"mean of {n} networks each" if n > 1 else "one network each", fontsize=10)
    return figure


def emergence(trace: Trace) -> "Figure":
    """Draw the median time constant of each hidden layer over training, and all of them at both ends."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    medians = trace.training["tau_mem"]
    names = [f"hidden{k + 1}" for k in range(medians.shape[1])]
    first = [np.median(trace.parameters[f"initial/tau_mem/{name}"]) for name in names]
    medians = np.vstack([first, medians])
    with plots.style():
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for k, name in enumerate(names):
            colour = plots.COLOURS[k % len(plots.COLOURS)]
            line = plots.LINES[k % len(plots.LINES)]
            left.plot(medians[:, k], linestyle=line, color=colour, label=f"hidden layer {k + 1}")
            for place, kind, alpha in ((-0.16, "initial/tau_mem", 0.3), (0.16, "tau_mem", 0.9)):
                tau = np.sort(trace.parameters[f"{kind}/{name}"])
                x = k + 1 + place + np.linspace(-0.1, 0.1, len(tau))
                right.plot(x, tau, "o", markersize=3, color=colour, alpha=alpha)
        left.set(xlabel="epoch", ylabel="time constant (ms)", title="median of each layer")
        left.set_ylim(0, 1.05 * medians.max())
        plots.styling.whole_ticks(left.xaxis, len(medians))
        left.legend()
        right.set(xlabel="hidden layer, from the input", ylabel="time constant (ms)", yscale="log")
        right.set(title="neurons, before (pale) and after", xticks=np.arange(1, len(names) + 1))
    return figure


def sequence(trace: Trace) -> "Figure":
    """Draw the spikes and some membranes of each layer while the network sees a test sample; its class."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    steps = int(trace.parameters["recorded_steps"])
    outputs = trace.parameters["membrane/label"]
    duration = trace.duration / len(outputs)
    time = np.arange(steps) * duration / steps
    hidden = [name for name in trace.spikes if f"membrane/{name}" in trace.parameters]
    rows = ["input", *(row for name in hidden for row in (name, f"membrane/{name}")), "membrane/label"]
    heights = [2.0 if row == "input" else 1.3 for row in rows[:-1]]
    heights.append(2.0 if outputs.shape[2] <= 6 else 2.7)  # with room for the names of the classes
    with plots.style():
        figure = Figure(figsize=(8.0, 0.8 + 0.9 * sum(heights)), layout="constrained")
        panels = figure.subplots(len(rows), 1, sharex=True, height_ratios=heights)
        for k, (axes, row) in enumerate(zip(panels, rows, strict=True)):
            colour, name = plots.COLOURS[(k + 1) // 2 % len(plots.COLOURS)], _words(row)
            if row in trace.spikes:
                spikes = trace.spikes[row]
                first = spikes.times < duration
                plots.raster(
                    Spikes(spikes.times[first], spikes.units[first]),
                    trace.sizes[row],
                    axes,
                    time_unit=trace.time_unit,
                    span=(0.0, duration),
                    colour=colour,
                    title=f"{name}: spikes",
                )
            elif row == "membrane/label":
                _draw_outputs(axes, time, outputs[0], trace.parameters["recorded_labels"][0])
            else:
                axes.plot(time, trace.parameters[row][0], color=colour, linewidth=0.9, alpha=0.8)
                axes.axhline(1, color=plots.GREY, linewidth=0.8, zorder=0)
                axes.set(ylabel="membrane", title=f"{name}: membranes, threshold 1")
            axes.set_xlabel(f"time ({trace.time_unit})" if k == len(rows) - 1 else "")
    return figure


def _draw_outputs(axes: "Axes", time: Floats, values: Floats, label: Ints) -> None:
    """Draw the membranes of all classes; the right one is named, or is a bar if each step has its own."""
    from eventsim.io import plots

    n = len(plots.COLOURS)
    for unit, membrane in enumerate(values.T):
        axes.plot(
            time,
            membrane,
            color=plots.COLOURS[unit % n],
            linestyle="-" if unit < n else "--",
            linewidth=2.0 if label.ndim == 0 and unit == label else 0.9,
            label=f"class {unit}",
            alpha=0.8,
        )
    if label.ndim:
        low, high = axes.get_ylim()
        step, room = time[1] - time[0], 0.08 * (high - low)
        for unit in range(values.shape[1]):
            starts = time[label == unit]
            axes.bar(starts, room, step, low - room, align="edge", color=plots.COLOURS[unit % n])
        axes.set_ylim(low - room, high)
    right = "the bar is the right class" if label.ndim else f"class {int(label)} is right"
    axes.set(ylabel="membrane", title=f"outputs: membranes; {right}")
    if values.shape[1] <= 10:
        plots.legend_beside(axes)


def _words(name: str) -> str:
    name = name.removeprefix("membrane/")
    return (
        f"hidden layer {name.removeprefix('hidden')}"
        if name.startswith("hidden")
        else {"label": "outputs"}.get(name, name)
    )
