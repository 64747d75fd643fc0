"""Plots of a run of `neurobench`: scores over delays, forecasts, and gaps of the solvers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REACHING_SHOWN = 1250  # steps of 4 ms
SHOWN = 225  # points of a forecast: three Lyapunov times


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "scores/tau" in trace.parameters:
        found["scores"] = scores
    if "forecast/target" in trace.parameters:
        found["forecasts"] = forecasts
    if "reaching/velocity" in trace.parameters:
        found["reaching"] = reaching
    if "qubo/gap" in trace.parameters:
        found["gaps"] = gaps
    return found


def scores(trace: Trace) -> "Figure":
    """Draw sMAPE over the delay, and over the operations of a step; constants are dashed."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from eventsim.io import plots

    tau = trace.parameters["scores/tau"]
    with plots.style():
        figure = Figure(figsize=(8.0, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for k, name in enumerate(str(trace.provenance["models"]).split()):
            table = trace.parameters[f"scores/{name}"]
            constant = name in ("train_mean", "last_value")
            look = {"color": plots.GREY, "linestyle": ":" if k % 2 else "--"} if constant else plots.look(k)
            left.plot(tau, table[:, 0], label=plots.readable_name(name), **look)
            if not constant:
                operations = table[:, 6:8].sum(axis=1).mean()
                right.plot(operations, table[:, 0].mean(), **(look | {"linestyle": "", "markersize": 7}))
        left.set(xlabel="delay tau of the series", ylabel="sMAPE (%)")
        left.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        right.set(xlabel="operations a step", ylabel="mean sMAPE (%)", xscale="log")
        plots.plain_log(right.xaxis)
        figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    return figure


def forecasts(trace: Trace) -> "Figure":
    """Draw the first forecasts of the test half beside the series."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(8.0, 3.4), layout="constrained")
        axes, times = figure.subplots(), np.arange(SHOWN) / 75
        target = trace.parameters["forecast/target"][:SHOWN]
        axes.plot(times, target, color=plots.GREY, lw=3, label="series")
        for k, name in enumerate(str(trace.provenance["models"]).split()):
            if f"forecast/{name}" in trace.parameters:
                forecast = trace.parameters[f"forecast/{name}"][:SHOWN]
                axes.plot(
                    times, forecast, lw=1.1, label=plots.readable_name(name), **plots.look(k, marks=False)
                )
        axes.set(xlabel="time (Lyapunov times)", ylabel="x")
        margin = 0.3 * float(np.ptp(target))  # a forecast that leaves the series for good leaves the picture
        axes.set_ylim(float(target.min()) - margin, float(target.max()) + margin)
        plots.legend_beside(axes)
    return figure


def reaching(trace: Trace) -> "Figure":
    """Draw the decoded velocities over the first five seconds of the last session's test part."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(8.0, 3.8), layout="constrained")
        both = figure.subplots(2, 1, sharex=True)
        for axes, direction, k in zip(both, "xy", range(2), strict=True):
            for name, label, mark in (("velocity", "fingertip", "k-"), ("decoded", "decoded", "--")):
                values = trace.parameters[f"reaching/{name}"][:REACHING_SHOWN, k]
                axes.plot(0.004 * np.arange(len(values)), values, mark, lw=1, label=label)
            axes.set_ylabel(f"velocity {direction} (std)")
        both[1].set_xlabel("time (s)")
        both[0].legend(fontsize=7)
    return figure


def gaps(trace: Trace) -> "Figure":
    """Draw the gap to the best cost that is known over the number of nodes, by density."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    own = trace.parameters
    with plots.style():
        figure = Figure(figsize=(8.0, 3.4), layout="constrained")
        both = figure.subplots(1, 2, sharey=True)
        for axes, solver, rows in zip(
            both, ("spiking network", "simulated annealing"), own["qubo/gap"], strict=True
        ):
            for k, density in enumerate(own["qubo/densities"]):
                means = 100 * rows[:, k].mean(axis=1)
                axes.plot(own["qubo/sizes"], means, label=f"density {density:g}", **plots.look(k))
            axes.set(xlabel="nodes", title=solver, xscale="log")
            plots.plain_log(axes.xaxis)
        both[0].set_ylabel("gap (%)")
        both[0].legend(fontsize=7)
    return figure
