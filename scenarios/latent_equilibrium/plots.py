"""Plots of Latent Equilibrium runs: response against depth, tracking, bars, the mimicked teacher."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "response/depth" in trace.parameters:
        found["response"] = response
    if "tracking/t" in trace.parameters or "tracking_curve" in trace.training:
        found["tracking"] = tracking
    if "epoch" in trace.training:
        found["bars"] = bars
    if "mimic/input" in trace.parameters:
        found["mimic"] = mimic
    return found


def response(trace: Trace) -> "Figure":
    """Draw the time to 90 % of a step against the number of layers."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    depth, times = trace.parameters["response/depth"], trace.parameters["response/ms"]
    with plots.style():
        figure = Figure(figsize=(5.0, 3.6), layout="constrained")
        axes = figure.subplots()
        for k, (row, label) in enumerate(zip(times, ("prospective", "not prospective"), strict=True)):
            axes.loglog(depth, row, label=label, **plots.look(k))
        axes.set(
            xlabel="layers", ylabel="time to 90 % (ms)", xticks=depth, xticklabels=[str(d) for d in depth]
        )
        axes.legend()
    return figure


def tracking(trace: Trace) -> "Figure":
    """Draw outputs beside what they should be: a synthesis at first and later, or chains and a sine."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        if "tracking/t" in trace.parameters:
            figure = Figure(figsize=(7.0, 3.0), layout="constrained")
            axes = figure.subplots()
            t = trace.parameters["tracking/t"]
            curves = (("input", "input", plots.GREY), ("prospective", "prospective", plots.COLOURS[0]),
                      ("not_prospective", "not prospective", plots.COLOURS[1]))  # fmt: skip
            for line, (name, label, colour) in zip(("-", "-", "--"), curves, strict=True):
                axes.plot(t, trace.parameters[f"tracking/{name}"], line, color=colour, label=label)
            axes.set(xlabel="time (ms)", ylabel="rate of the last layer")
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
            return figure
        curve = np.concatenate(list(trace.training["tracking_curve"]), axis=1)
        t, target, rate = curve[:, ~np.isnan(curve[0])]
        figure = Figure(figsize=(10.0, 3.0), layout="constrained")
        ends = (t[0] + 100, t[-1] * 2 / 3, t[-1])
        titles = ("at first", "after learning, nudged", "later, without a teacher")
        for axes, end, title in zip(figure.subplots(1, 3, sharey=True), ends, titles, strict=True):
            shown = (t <= end) & (t >= end - 100)
            axes.plot(t[shown], target[shown], color=plots.GREY, label="target")
            axes.plot(t[shown], rate[shown], color=plots.COLOURS[0], label="output")
            axes.set(xlabel="time (ms)")
            axes.set_title(title)
        figure.axes[0].set_ylabel("rate of the output")
        figure.axes[0].legend()
    return figure


def bars(trace: Trace) -> "Figure":
    """Draw the share of the eight images that are named rightly against epochs."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(5.0, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(
            trace.training["epoch"],
            100 * np.asarray(trace.training["accuracy"]),
            color=plots.COLOURS[0],
            marker="o",
            markersize=4,
        )
        axes.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 104))
    return figure


def mimic(trace: Trace) -> "Figure":
    """Draw what teacher and student make of inputs."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(4.4, 3.4), layout="constrained")
        axes = figure.subplots()
        x = trace.parameters["mimic/input"]
        axes.plot(x, trace.parameters["mimic/teacher"], color=plots.GREY, label="teacher")
        axes.plot(x, trace.parameters["mimic/student"], color=plots.COLOURS[0], label="student")
        axes.set(xlabel="input", ylabel="potential of the output", xticks=[-1, -0.5, 0, 0.5, 1])
        axes.legend()
    return figure
