"""Plots of a stream of tasks: accuracies, widths, occupied weights, accuracy against parameters."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STATIC = "#808080"


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "accuracy_matrix/main" in trace.parameters:
        found |= {"matrix": matrix, "plasticity": plasticity}
    if "widths" in trace.training and "epochs" in trace.parameters:
        found["widths"] = widths
    if len(trace.parameters.get("growth/task", ())):
        found["occupancy"] = occupancy
    if "compare/static" in trace.parameters:
        found["sizes"] = sizes
    return found


def matrix(trace: Trace) -> "Figure":
    """Draw the accuracy on each task (columns) after each task (rows)."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    accuracy = 100 * trace.parameters["accuracy_matrix/main"]
    n = len(accuracy)
    with plots.style():
        figure = Figure(figsize=(1.6 + 0.5 * n, 1.2 + 0.45 * n), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(accuracy, cmap="viridis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(accuracy):
            if np.isfinite(value):
                colour = "white" if value < 60 else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour)
        numbers = [str(k + 1) for k in range(n)]
        axes.set_xticks(range(n), numbers)
        axes.set_yticks(range(n), numbers)
        axes.set(xlabel="tested on task", ylabel="after learning task", title="test accuracy (%)")
        figure.colorbar(image, shrink=0.8)
    return figure


def plasticity(trace: Trace) -> "Figure":
    """Draw the accuracy on each task just after learning it, and at the end, of all networks."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    grown = trace.parameters["accuracy_matrix/main"]
    others = sorted(
        (name for name in trace.parameters if name.startswith("accuracy_matrix/static_")),
        key=lambda name: int(name.rpartition("_")[2]),
    )
    with plots.style():
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        tasks = np.arange(1, len(grown) + 1)
        for k, name in enumerate(others):
            accuracy = trace.parameters[name]
            look: dict[str, Any] = {
                "color": str(0.75 - 0.6 * k / max(1, len(others) - 1)),
                "label": f"static, {name.rpartition('_')[2]} units a layer",
            }
            left.plot(tasks, 100 * np.diag(accuracy), "o--", markersize=3, **look)
            right.plot(tasks, 100 * accuracy[-1], "o--", markersize=3, **look)
        first = "growing" if "growth/task" in trace.parameters else "static"
        left.plot(tasks, 100 * np.diag(grown), "o-", color=plots.COLOURS[0], label=first)
        right.plot(tasks, 100 * grown[-1], "o-", color=plots.COLOURS[0], label=first)
        left.set(xlabel="task", ylabel="test accuracy (%)", title="just after learning the task")
        right.set(xlabel="task", title="after the last task")
        for axes in (left, right):
            axes.set_xticks(tasks)
        left.legend()
    return figure


def _borders(trace: Trace) -> NDArray[np.int64]:
    """Return the epochs at which tasks begin, and the end."""
    epochs = np.asarray(trace.parameters["epochs"], np.int64)
    return np.concatenate([[0], np.cumsum(epochs)])


def _mark_tasks(axes: Any, borders: NDArray[np.int64]) -> None:
    for k, (begin, end) in enumerate(itertools.pairwise(borders)):
        if k % 2:
            axes.axvspan(begin, end, color="#000000", alpha=0.05, linewidth=0)
        axes.text(
            (begin + end) / 2,
            1.01,
            str(k + 1),
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
        )


def widths(trace: Trace) -> "Figure":
    """Draw the units of each hidden layer over the epochs; tasks are numbered above."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    units = np.asarray(trace.training["widths"])
    with plots.style():
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.subplots()
        epochs = np.arange(1, len(units) + 1)
        for layer in range(units.shape[1]):
            axes.step(
                epochs,
                units[:, layer],
                color=plots.COLOURS[layer % len(plots.COLOURS)],
                linestyle=plots.LINES[layer % len(plots.LINES)],
                where="mid",
                label=f"hidden layer {layer + 1}",
            )
        _mark_tasks(axes, _borders(trace))
        axes.set(xlabel="epoch", ylabel="units", ylim=(0, 1.1 * units.max()), xlim=(0, len(units)))
        axes.legend(loc="lower right")
    return figure


def occupancy(trace: Trace) -> "Figure":
    """Draw which share of the weights earlier tasks need, and the two gates of the tests.

    A layer whose percentile is always 0 has no panel of its own.
    """
    from matplotlib.figure import Figure

    from eventsim.io import plots

    log = {name.partition("/")[2]: trace.parameters[name] for name in trace.parameters if "growth/" in name}
    borders = _borders(trace)
    at = borders[log["task"].astype(int)] + log["epoch"]
    n_layers = int(log["layer"].max()) + 1
    telling = [k for k in range(n_layers) if np.any(log["percentile"][log["layer"] == k] > 0)]
    with plots.style():
        figure = Figure(figsize=(6.8, 2.0 + 1.5 * len(telling)), layout="constrained")
        rows = figure.subplots(1 + len(telling), 1, sharex=True, squeeze=False)[:, 0]
        for layer in range(n_layers):
            mine, look = log["layer"] == layer, plots.look(layer, marks=False)
            # Two points at each test: before and after the units that it added.
            x = np.repeat(at[mine], 2)
            y = np.stack([log["occupied"][mine], log["occupied_after"][mine]], axis=1).ravel()
            rows[0].plot(x, 100 * y, label=f"hidden layer {layer + 1}", **look)
            if layer not in telling:
                continue
            axes = rows[1 + telling.index(layer)]
            percentile = np.maximum(log["percentile"][mine], 1e-12)
            axes.semilogy(at[mine], percentile, marker=".", markersize=3, **look)
            axes.step(at[mine], np.maximum(log["tau"][mine], 1e-12), color="k", linewidth=0.8, where="mid")
            grown = mine & (log["added"] > 0)
            axes.plot(
                at[grown], np.maximum(log["percentile"][grown], 1e-12), "v", color="#c00000", markersize=5
            )
            axes.set(ylabel=f"layer {layer + 1}: percentile")
        rows[0].set(ylabel="occupied (%)", ylim=(-3, 103))
        rows[0].legend(loc="lower right")
        for axes in rows:
            for begin, end in zip(borders[1:-1:2], borders[2::2], strict=False):
                axes.axvspan(begin, end, color="#000000", alpha=0.05, linewidth=0)
        growth = "black: threshold tau, red: growth" if telling else ""
        zero = [f"layer {k + 1}" for k in range(n_layers) if k not in telling]
        notes = [growth, f"percentile 0 throughout: {', '.join(zero)}" if zero else ""]
        rows[-1].set(xlabel="; ".join(["epoch", *filter(None, notes)]))
    return figure


def sizes(trace: Trace) -> "Figure":
    """Draw final accuracy and plasticity of all networks against their parameters."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    static = trace.parameters["compare/static"]
    with plots.style():
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        for k, (axes, metric, title) in enumerate(
            zip(
                figure.subplots(1, 2),
                ("test_accuracy", "learning_accuracy"),
                ("all tasks, after the last", "each task, just after learning it"),
                strict=True,
            )
        ):
            axes.plot(static[:, 1], 100 * static[:, 2 + k], "o--", color=STATIC, label="static")
            for row in static:
                axes.annotate(
                    f"{row[0]:.0f}", (row[1], 100 * row[2 + k]), xytext=(3, 4), textcoords="offset points"
                )
            x, y = trace.metrics["parameters"], 100 * trace.metrics[metric]
            axes.plot([x], [y], "*", color=plots.COLOURS[0], markersize=12, label="growing")
            axes.set(xlabel="parameters at the end", ylabel="test accuracy (%)", title=title, xscale="log")
            plots.plain_log(axes.xaxis)
            axes.margins(0.12)
            axes.legend()
    return figure
