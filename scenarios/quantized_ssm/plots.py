"""Plots of quantised state-space models: poles on their grid, accuracy by bits, accuracy against memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = {
    "pole": "poles",
    "matrix": "B, C and D",
    "state": "states, static range",
    "state_dynamic": "states, dynamic range",
    "activation": "activations",
}  # in the order of the rows of parts/accuracy


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "heatmap/accuracy" in trace.parameters:
        found |= {"heatmap": heatmap, "memory": memory}
    if "parts/accuracy" in trace.parameters:
        found["parts"] = parts
    if "stream/nrmse" in trace.parameters:
        found["stream"] = stream
    if "poles/exact" in trace.parameters:
        found["poles"] = poles
    return found


def heatmap(trace: Trace) -> "Figure":
    """Draw the accuracy for bits of poles (columns) and of states (rows), rounded or fine-tuned."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    accuracy, bits = 100 * trace.parameters["heatmap/accuracy"].T, trace.parameters["heatmap/bits"]
    with plots.style():
        figure = Figure(figsize=(5.0, 4.2), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(accuracy, cmap="viridis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(accuracy):
            axes.text(
                column,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                color="white" if value < 60 else "black",
            )
        axes.set_xticks(range(len(bits)), [str(each) for each in bits])
        axes.set_yticks(range(len(bits)), [str(each) for each in bits])
        how = "fine-tuned" if np.any(trace.parameters.get("heatmap/tuned", 0)) else "not fine-tuned"
        axes.set(xlabel="bits of poles", ylabel="bits of states", title=f"test accuracy (%), {how}")
        figure.colorbar(image)
    return figure


def memory(trace: Trace) -> "Figure":
    """Draw the accuracy of each cell of the heat map against the memory that it needs."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    accuracy, size = trace.parameters["heatmap/accuracy"], trace.parameters["heatmap/memory"] / 8192
    with plots.style():
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        for k, bits in enumerate(trace.parameters["heatmap/bits"]):
            axes.plot(size[k], 100 * accuracy[k], label=f"poles of {bits} bits", **plots.look(k))
        full = trace.metrics["memory_bits_full"] / 8192
        axes.plot([full], [100 * trace.metrics["test_accuracy_full"]], "k*", label="full precision")
        axes.set(xlabel="parameters and states (KiB)", ylabel="test accuracy (%)", xscale="log")
        plots.plain_log(axes.xaxis)
        axes.legend()
    return figure


def parts(trace: Trace) -> "Figure":
    """Draw the accuracy of the rounded network when one part alone is rounded, against its bits."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    bits = trace.parameters["parts/bits"]
    with plots.style():
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        for k, (row, name) in enumerate(zip(trace.parameters["parts/accuracy"], PARTS.values(), strict=True)):
            axes.plot(bits, 100 * row, label=name, **plots.look(k))
        full = 100 * trace.metrics["test_accuracy_full"]
        axes.axhline(full, color=plots.GREY, linewidth=0.8, zorder=0, label="nothing rounded")
        axes.set(xlabel="bits of one part, all else in full precision", ylabel="test accuracy (%)")
        axes.legend()
    return figure


def poles(trace: Trace) -> "Figure":
    """Draw poles before and after rounding beside the unit circle, and how their powers part."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    exact, used = trace.parameters["poles/exact"], trace.parameters["poles/rounded"]
    steps, error = trace.parameters["poles/steps"], trace.parameters["poles/error"]
    angle = np.linspace(0, 2 * np.pi, 400)
    with plots.style():
        figure = Figure(figsize=(9.0, 4.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(np.cos(angle), np.sin(angle), color=plots.GREY, linewidth=0.8)
        left.plot(*exact.reshape(-1, 2).T, ".", color=plots.COLOURS[0], markersize=3, label="exact")
        outside = np.hypot(used[..., 0], used[..., 1]) >= 1
        left.plot(*used[~outside].T, "x", color=plots.COLOURS[1], markersize=4, label="rounded")
        left.plot(
            *used[outside].T, "P", color=plots.COLOURS[3], markersize=6, label="rounded, outside the circle"
        )
        left.set(
            xlabel="real part", ylabel="imaginary part", title="poles of the first layer", aspect="equal"
        )
        plots.legend_beside(left)
        for row in error:
            right.loglog(steps, np.maximum(row, 1e-12), color=plots.COLOURS[0], alpha=0.4, linewidth=0.8)
        right.set(xlabel="steps n", ylabel="mean of $|w^n - w_q^n|$", title="error of powers, by head")
    return figure


def stream(trace: Trace) -> "Figure":
    """Draw the error of predictions along a stream, and the largest state, by scheme and bits of poles."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    error, state = trace.parameters["stream/nrmse"], trace.parameters["stream/state"]
    steps = 100 * (np.arange(error.shape[-1]) + 0.5)
    with plots.style():
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.semilogy(steps, trace.parameters["stream/nrmse_full"], color="black", label="full precision")
        for s, name in enumerate(("real and imaginary part", "logarithm of radius, phase")):
            for b, bits in enumerate(trace.parameters["stream/bits"]):
                style = {"color": plots.COLOURS[b % len(plots.COLOURS)], "linestyle": "-" if s == 0 else "--"}
                left.semilogy(steps, error[s, b], label=f"{name}, {int(bits)} bits", **style)
                right.semilogy(steps, state[s, b], **style)
        left.set(xlabel="step", ylabel="error / spread of the series", title="one-step prediction")
        right.set(xlabel="step", ylabel="largest part of a state", title="no clip")
        left.legend(fontsize="x-small")
    return figure
