"""Plots of a run: angles over time beside the published medians, size, errors, weights before and after."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "latent/codes" in trace.parameters:
        found["latent"] = latent
    if "squared_error" in trace.training or "validation_accuracy" in trace.training:
        found["learning"] = learning
    if "theory_degrees" in trace.training:
        found["angles"] = alignment
    if "weight/down/1" in trace.parameters:
        found["before-after"] = before_and_after
    return found


def alignment(trace: Trace) -> "Figure":
    """Draw the angles of feedback weights over epochs, and their size beside theory."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    epoch = np.ravel(trace.training["epoch"])
    medians = trace.parameters.get("published/alignment_degrees")
    with plots.style():
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        degrees, theory = (np.array(trace.training[f"{name}_degrees"]) for name in ("alignment", "theory"))
        for k in range(degrees.shape[1]):
            colour = plots.COLOURS[k % len(plots.COLOURS)]
            line = plots.LINES[k % len(plots.LINES)]
            left.plot(epoch, degrees[:, k], linestyle=line, color=colour, label=f"layer {k + 1}")
            left.plot(epoch, theory[:, k], color=colour, linestyle=":", linewidth=1.2)
            kappa = np.array(trace.training["kappa"])[:, k]
            right.plot(epoch, kappa, linestyle=plots.LINES[k % len(plots.LINES)], color=colour)
            if medians is not None:
                at = trace.parameters["published/epoch"]
                mark = plots.MARKS[k % len(plots.MARKS)]
                left.plot(at, medians[:, k], mark, color=colour, markersize=5, markerfacecolor="none")
        left.plot([], [], color="#555555", linestyle=":", label="to theory")
        if medians is not None:
            left.plot([], [], "o", color="#555555", markerfacecolor="none", label="published median")
        left.set(xlabel="epoch", ylabel="angle to transposed weights (degrees)", ylim=(0, None))
        left.legend(fontsize="small")
        right.axhline(1.0, color=plots.GREY, linewidth=1.0)
        right.set(xlabel="epoch", ylabel="size of feedback weights / theory")
    return figure


def learning(trace: Trace) -> "Figure":
    """Draw the error or the accuracy over epochs, beside the angles."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    epoch = np.ravel(trace.training["epoch"])
    with plots.style():
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        if "squared_error" in trace.training:
            left.semilogy(epoch, np.ravel(trace.training["squared_error"]), color=plots.COLOURS[0])
            left.set(xlabel="epoch", ylabel="squared error without target")
            right.plot(epoch, np.ravel(trace.training["down"]), color=plots.COLOURS[1])
            right.axhline(0.0, color=plots.GREY, linewidth=1.0)
            right.set(xlabel="epoch", ylabel="feedback weight")
        else:
            accuracy = 100 * np.ravel(trace.training["validation_accuracy"])
            left.plot(epoch, accuracy, color=plots.COLOURS[0])
            left.set(xlabel="epoch", ylabel="validation accuracy (%)", ylim=(0, 104))
            _angles_by_layer(trace, right)
    return figure


def before_and_after(trace: Trace) -> "Figure":
    """Draw feedback weights before and after learning against transposed forward weights."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    layers = sorted(int(name.split("/")[2]) for name in trace.parameters if name.startswith("weight/down/"))
    with plots.style():
        figure = Figure(figsize=(3.0 * len(layers) + 0.4, 3.2), layout="constrained")
        for axes, k in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
            up = trace.parameters[f"weight/up/{k + 1}"].T.ravel()
            before = trace.parameters[f"initial/weight/down/{k}"].ravel()
            after = trace.parameters[f"weight/down/{k}"].ravel()
            axes.plot(up, before, "x", color=plots.GREY, markersize=2, label="before")
            axes.plot(up, after, ".", color=plots.COLOURS[0], markersize=3, label="after")
            axes.set(xlabel="transposed forward weight")
            axes.set_title(f"layer {k}")
        figure.axes[0].set_ylabel("feedback weight")
        names = figure.axes[0].get_legend_handles_labels()
        figure.legend(*names, loc="outside lower center", ncols=2, markerscale=2.5)
    return figure


def latent(trace: Trace) -> "Figure":
    """Draw the codes of test images, by digit, and the angles of feedback weights over epochs."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    codes, labels = trace.parameters["latent/codes"], trace.parameters["latent/labels"]
    with plots.style():
        figure = Figure(figsize=(9.0, 4.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        for digit in range(10):
            here = codes[labels == digit]
            n = len(plots.COLOURS)
            look = {"color": plots.COLOURS[digit % n], "marker": (*plots.MARKS, "1", "+")[digit]}
            left.plot(here[:, 0], here[:, 1], linestyle="", markersize=4, label=str(digit), **look)
        left.set(xlabel="first latent rate", ylabel="second latent rate")
        left.legend(fontsize="x-small", markerscale=2, ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
        _angles_by_layer(trace, right)
    return figure


def _angles_by_layer(trace: Trace, axes: Any) -> None:
    """Draw the angles of feedback weights over epochs."""
    from eventsim.io import plots

    degrees = np.array(trace.training["alignment_degrees"])
    for k in range(degrees.shape[1]):
        colour = plots.COLOURS[k % len(plots.COLOURS)]
        line = plots.LINES[k % len(plots.LINES)]
        epoch = np.ravel(trace.training["epoch"])
        axes.plot(epoch, degrees[:, k], linestyle=line, color=colour, label=f"layer {k + 1}")
    axes.set(xlabel="epoch", ylabel="angle to transposed weights (degrees)", ylim=(0, None))
    axes.legend(fontsize="small")
