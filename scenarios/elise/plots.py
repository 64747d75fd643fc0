"""Plots of a learned song: piano roll of a replay, correlations, weights, scaffold, comparisons."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.scenarios.elise.learning import DISTURBED, NUDGED
from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 8  # cycles of a piano roll
SUCCESS = 0.95  # correlation that the paper's replay is held against
DISRUPTIONS = ("part-high", "part-silent", "whole-high", "whole-silent")


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    replays = [name for name in ("replay", "replay_0", "replay_1") if f"{name}/rates" in trace.parameters]
    for name in replays:
        if len(trace.parameters[f"{name}/rates"]):
            found["piano-roll" + name.removeprefix("replay").replace("_", "-")] = partial(
                piano_roll, name=name
            )
    for name in DISRUPTIONS:
        if len(trace.parameters.get(f"{name}/rates", ())):
            found[f"piano-roll-{name}"] = partial(piano_roll, name=name)
    if replays:
        found["correlation"] = correlation
    if "test_correlation" in trace.training:
        found["learning"] = learning
    if "scaffold/edges" in trace.parameters:
        found["scaffold"] = scaffold
        found["weights"] = weights
    if "completion/correlation" in trace.parameters:
        found["completion"] = completion
    if "table/value" in trace.parameters:
        found["comparison"] = comparison
    return found


def _voice(trace: Trace, name: str) -> int:
    return int(name[-1]) if name[-1].isdigit() else 0


def piano_roll(trace: Trace, name: str) -> "Figure":
    """Draw the rates of all neurons in the first cycles of a replay; teacher and clamp are marked."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    rates, sample = np.asarray(trace.parameters[f"{name}/rates"], float), float(trace.parameters["sample"])
    mark = f"_{name[-1]}" if name[-1].isdigit() else ""
    target = np.asarray(trace.parameters[f"target{mark}"], float)
    n_visible = int(trace.parameters["scaffold/n_visible"])
    cycle = len(target) * sample
    cycles = min(SHOWN, len(rates) // len(target))
    rates = rates[: cycles * len(target)]
    first = _voice(trace, name) * target.shape[1]
    wanted = np.full((len(rates), n_visible), target.min())
    wanted[:, first : first + target.shape[1]] = np.tile(target, (cycles, 1))
    latent = rates[:, n_visible:]
    order = np.argsort(np.argmax(latent[: len(target)], axis=0), kind="stable")
    rows = ((wanted, "target"), (rates[:, :n_visible], "visible"), (latent[:, order], "latent"))
    with plots.style():
        figure = Figure(figsize=(10.0, 6.0), layout="constrained")
        panels = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 1.6))
        for axes, (values, label) in zip(panels, rows, strict=True):
            extent = (0.0, len(values) * sample, values.shape[1] - 0.5, -0.5)
            image = axes.imshow(
                values.T,
                aspect="auto",
                extent=extent,
                cmap="magma",
                vmin=0.0,
                vmax=1.0,
                interpolation="nearest",
            )
            axes.set(ylabel=f"{label} neuron")
            axes.axvline(NUDGED * cycle, color="white", linewidth=1.2, linestyle="--")
            if f"{name}/clamp" in trace.parameters:
                potential, start, end = trace.parameters[f"{name}/clamp"]
                begin = DISTURBED * cycle + start
                axes.axvspan(
                    begin, DISTURBED * cycle + end, facecolor="none", edgecolor="cyan", linewidth=1.4
                )
                if label == "visible":
                    axes.set_title(f"box: visible somata held at {potential:g} mV", fontsize=8, loc="right")
        panels[0].set_title("dashed: the teacher leaves", fontsize=8, loc="left")
        panels[-1].set(xlabel="time (ms)")
        figure.colorbar(image, ax=panels, label="rate", pad=0.01)
    return figure


def correlation(trace: Trace) -> "Figure":
    """Draw the best-shift correlation over the cycles of each replay, and its phase."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    names = [name.removesuffix("/shift") for name in trace.parameters if name.endswith("/shift")]
    with plots.style():
        figure = Figure(figsize=(7.0, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for k, name in enumerate(names):
            values = trace.parameters[f"{name}/correlation"]
            upper.plot(values, linewidth=1.0, label=name.replace("_", " "), **plots.look(k, marks=False))
            lower.plot(
                trace.parameters[f"{name}/shift"], **(plots.look(k) | {"linestyle": "", "markersize": 2.5})
            )
        upper.axvline(NUDGED - 0.5, color=plots.GREY, linewidth=0.8, linestyle="--")
        if len(names) > 1 and any(name in DISRUPTIONS for name in names):
            upper.axvspan(DISTURBED - 0.5, DISTURBED + 0.5, color="0.85", label="clamped")
        upper.axhline(SUCCESS, color=plots.GREY, linewidth=0.8, linestyle=":")
        upper.set(ylabel="correlation, best shift", ylim=(min(-0.1, upper.get_ylim()[0]), 1.02))
        upper.legend(fontsize=7)
        lower.set(ylabel="phase (ms)", xlabel="replay cycle (the teacher leaves at the dashed line)")
    return figure


def learning(trace: Trace) -> "Figure":
    """Draw the correlation of free test cycles over training."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    with plots.style():
        figure = Figure(figsize=(6.0, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(
            np.ravel(trace.training["cycle"]), np.ravel(trace.training["test_correlation"]), linewidth=0.9,
            label="training",
        )  # fmt: skip
        if "chip_test_correlation" in trace.training:
            later = np.ravel(trace.training["cycle"])[-1] + np.ravel(trace.training["chip_cycle"])
            axes.plot(
                later, np.ravel(trace.training["chip_test_correlation"]), linewidth=0.9, label="on the chip"
            )
            axes.legend()
        axes.axhline(0.9, color=plots.GREY, linewidth=0.8, linestyle=":")
        axes.set(xlabel="cycle", ylabel="correlation, free cycle, no shift", ylim=(-0.1, 1.0))
    return figure


def scaffold(trace: Trace) -> "Figure":
    """Draw the scaffold: visible neurons left, latent ones further right the later they are reached."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    from eventsim.io import plots

    pre, post = trace.parameters["scaffold/edges"]
    n_visible, n = int(trace.parameters["scaffold/n_visible"]), len(trace.parameters["weight/after"])
    depth = np.where(np.arange(n) < n_visible, 0, -1)
    for level in range(n):  # steps from the visible neurons
        reached = np.unique(post[depth[pre] == level])
        reached = reached[depth[reached] < 0]
        if not len(reached):
            break
        depth[reached] = level + 1
    outside = depth < 0
    last = int(depth.max())
    depth[outside] = last + 1
    height = np.zeros(n)
    for level in np.unique(depth):
        members = np.flatnonzero(depth == level)
        height[members] = np.linspace(0.0, 1.0, len(members) + 2)[1:-1]
    with plots.style():
        figure = Figure(figsize=(8.0, 4.5), layout="constrained")
        axes = figure.subplots()
        lines = np.stack(
            [np.stack([depth[pre], height[pre]], 1), np.stack([depth[post], height[post]], 1)], 1
        )
        axes.add_collection(LineCollection(list(lines), colors="0.6", linewidths=0.7, zorder=1))
        for who, label, colour, mark in (
            (np.arange(n) < n_visible, "visible", plots.COLOURS[0], "s"),
            ((np.arange(n) >= n_visible) & ~outside, "latent", plots.COLOURS[1], "o"),
            (outside, "not reached", "0.75", "X"),
        ):
            if who.any():
                axes.scatter(depth[who], height[who], s=26, color=colour, marker=mark, label=label, zorder=2)
        axes.set(xlabel="connections from the visible neurons", yticks=[], xticks=np.arange(last + 1))
        axes.set_ylabel(f"{len(pre)} connections among {n} neurons")
        plots.legend_beside(axes)
    return figure


def weights(trace: Trace) -> "Figure":
    """Draw the dendritic weights before and after learning."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    before, after = trace.parameters["weight/before"], trace.parameters["weight/after"]
    n_visible = int(trace.parameters["scaffold/n_visible"])
    limit = float(np.quantile(np.abs(after), 0.995)) or 1.0
    with plots.style():
        figure = Figure(figsize=(9.5, 3.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for axes, values, title in ((left, before, "before"), (middle, after, "after")):
            image = axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            for line in (axes.axhline, axes.axvline):
                line(n_visible - 0.5, color="#3a3f45", linewidth=0.7)
            axes.set(xlabel="to neuron", ylabel="from neuron", title=title)
        figure.colorbar(image, ax=[left, middle], label="weight (mV)", shrink=0.8)
        bins = np.linspace(-1.5 * limit, 1.5 * limit, 61)
        for k, (values, label) in enumerate(((before, "before"), (after, "after"))):
            style = plots.look(k, marks=False)
            right.hist(values[values != 0.0], bins, histtype="step", label=label, **style)
        right.set(xlabel="weight (mV)", ylabel="synapses", yscale="log")
        right.legend(fontsize=7)
    return figure


def completion(trace: Trace) -> "Figure":
    """Draw how a silent network goes on after cues of several lengths."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from eventsim.io import plots

    cues, found = trace.parameters["completion/cue"], trace.parameters["completion/correlation"]
    with plots.style():
        figure = Figure(figsize=(6.0, 3.4), layout="constrained")
        axes = figure.subplots()
        for cue, row, colour in zip(
            cues, found, colormaps["viridis"](np.linspace(0, 0.9, len(cues))), strict=True
        ):
            axes.plot(np.arange(1, len(row) + 1), row, "o-", markersize=3, color=colour, label=f"{cue:g} ms")
        axes.set(xlabel="free cycle after the cue", ylabel="correlation, best shift", ylim=(-0.1, 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(title="cue", fontsize=7)
    return figure


def comparison(trace: Trace) -> "Figure":
    """Draw the replay of networks that differ in one key, every network and the median."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    x, y = trace.parameters["table/value"], trace.parameters["table/replay_correlation"]
    cycles = trace.parameters["table/replay_cycles"]
    values = np.unique(x)
    with plots.style():
        figure = Figure(figsize=(8.0, 3.2), layout="constrained")
        for axes, each, label in zip(
            figure.subplots(1, 2), (y, cycles), ("replay correlation", "replay cycles"), strict=True
        ):
            axes.plot(x, each, "o", markersize=4, color=plots.COLOURS[0], label="networks")
            medians = [np.median(each[x == value]) for value in values]
            axes.plot(values, medians, "-", linewidth=1.0, color=plots.COLOURS[1], label="median")
            axes.set(xlabel=trace_key(trace), ylabel=label)
        figure.axes[0].legend(fontsize=7)
    return figure


def trace_key(trace: Trace) -> str:
    """Return the key that differs between the networks of a comparison."""
    from eventsim.io import config

    return str(config.from_toml(trace.config, "the configuration of the run")[0].get("varied", "latent"))
