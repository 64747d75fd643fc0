"""Plots of Generalized Latent Equilibrium runs: angles to the gradient, students, tracking."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "gradient/frequency" in trace.parameters:
        found["gradient"] = gradient
    if "squared_error" in trace.training:
        found["teacher"] = teacher
    if "tracking/prediction" in trace.parameters:
        found["tracking"] = tracking
    if "gradient/cosines" in trace.parameters:
        found["layers"] = layers
    return found


def layers(trace: Trace) -> "Figure":
    """Draw how well each layer follows the exact gradient, before and after training."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    cosines = trace.parameters["gradient/cosines"]
    numbers = np.arange(1, cosines.shape[1] + 1)
    with plots.style():
        figure = Figure(figsize=(7.6, 3.4), layout="constrained")
        for axes, values, when in zip(
            figure.subplots(1, 2, sharey=True), cosines, ("before training", "after training"), strict=True
        ):
            for k, label in enumerate(("dynamic errors (GLE)", "instant errors")):
                axes.plot(numbers, values[:, k], label=label, **plots.look(k))
            axes.axhline(0, color=plots.GREY, linewidth=0.8)
            axes.set(xlabel="projection, from the input", title=when, ylim=(-1.05, 1.05), xticks=numbers)
        figure.axes[0].set_ylabel("cosine with the exact gradient")
        figure.axes[1].legend(loc="lower right")
    return figure


def gradient(trace: Trace) -> "Figure":
    """Draw the angle between what is learned and the exact gradient against the frequency of the input."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    frequency, angles = trace.parameters["gradient/frequency"], trace.parameters["gradient/angle"]
    with plots.style():
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        axes = figure.subplots()
        for k, label in enumerate(("dynamic errors (GLE)", "instant errors")):
            axes.semilogx(frequency, angles[:, k], label=label, **plots.look(k))
        axes.axhline(90, color=plots.GREY, linewidth=0.8)
        axes.set(
            xlabel="frequency of the input (rad per time unit)", ylabel="angle to the gradient (degrees)"
        )
        axes.set(ylim=(0, 180), yticks=range(0, 181, 45))
        axes.legend()
    return figure


def teacher(trace: Trace) -> "Figure":
    """Draw weights, time constants and error of a student on the way to its teacher."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    time = trace.training["time"]
    with plots.style():
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        names = [name for name in trace.training if name.startswith(("weight_", "tau_mem_"))]
        for k, name in enumerate(names):
            values = np.reshape(trace.training[name], (len(time), -1))
            label = name.replace("->", " → ").replace("_", " ", name.count("_"))
            left.plot(time, values, label=label, **plots.look(k, marks=False))
        left.set(xlabel="time (tau_mem of the first neuron)", ylabel="weight, time constant")
        left.legend()
        right.semilogy(time, np.maximum(trace.training["squared_error"], 1e-16), color=plots.COLOURS[0])
        right.set(xlabel="time (tau_mem of the first neuron)", ylabel="squared error")
    return figure


def tracking(trace: Trace) -> "Figure":
    """Draw a series beside its prediction."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(7.0, 3.0), layout="constrained")
        axes = figure.subplots()
        t = trace.parameters["tracking/t"]
        axes.plot(t, trace.parameters["tracking/target"], color=plots.GREY, label="next value")
        axes.plot(t, trace.parameters["tracking/prediction"], color=plots.COLOURS[0], label="prediction")
        axes.set(xlabel="ticks", ylabel="standard deviations")
        axes.legend()
    return figure
