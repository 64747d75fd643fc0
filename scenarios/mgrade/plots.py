"""Plots of mGRADE: learned delays, accuracy against memory, what each part remembers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["available", "front", "memory", "positions", "remembered"]

NAMES = ("mGRADE", "convolution alone", "minGRU alone")  # in the order of settings.MODELS


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "networks/words" in trace.parameters:
        found["memory"] = memory
    if "positions/trained" in trace.parameters:
        found["positions"] = positions
    if {"remembered/convolution", "remembered/recurrence"} & trace.parameters.keys():
        found["remembered"] = remembered
    return found


def front(words: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.int64]:
    """Return the places of the networks that no other beats with as few words, by rising words."""
    order = np.lexsort((-scores, words))
    best, kept = -np.inf, []
    for place in order:
        if scores[place] > best:
            best = scores[place]
            kept.append(place)
    return np.array(kept, np.int64)


def memory(trace: Trace) -> "Figure":
    """Draw accuracy or error of each network against the words of its stream, with the Pareto front."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    kinds, words = trace.parameters["networks/model"], trace.parameters["networks/words"]
    errors = trace.parameters.get("networks/error")
    scores = 100 * trace.parameters["networks/accuracy"] if errors is None else errors
    on_front = front(words, scores if errors is None else -scores)
    with plots.style():
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.plot(
            words[on_front], scores[on_front], color=plots.GREY, linewidth=3, zorder=0, label="Pareto front"
        )
        for kind, name in enumerate(NAMES):
            own = kinds == kind
            order = np.argsort(words[own])
            axes.plot(
                words[own][order],
                scores[own][order],
                label=name,
                **plots.look(kind),
            )
        axes.set(
            xlabel="words of parameters and states",
            ylabel="test accuracy (%)" if errors is None else "error / rms of target",
        )
        axes.legend()
    return figure


def positions(trace: Trace) -> "Figure":
    """Draw each tap's delay, sized by its weight, by channel and layer; and how far taps have moved."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    trained, start = trace.parameters["positions/trained"], trace.parameters["positions/start"]
    weight = np.abs(trace.parameters["positions/weight"])
    with plots.style():
        figure = Figure(figsize=(9.0, 0.6 + 2.6 * len(trained)), layout="constrained")
        panels = figure.subplots(len(trained), 2, squeeze=False, width_ratios=(2, 1))
        for k, (left, right) in enumerate(panels):
            colour = plots.COLOURS[k % len(plots.COLOURS)]
            channels = np.broadcast_to(np.arange(trained.shape[1])[:, None], trained[k].shape)
            size = 60 * weight[k] / max(weight[k].max(), 1e-12)
            left.scatter(channels, trained[k], s=size, color=colour, alpha=0.8, linewidths=0)
            left.set(ylabel="delay (steps)", title=f"layer {k + 1}: area of a dot is its weight's size")
            right.plot(start[k].ravel(), trained[k].ravel(), ".", color=colour)
            most = max(float(trained.max()), float(start.max()), 1.0)
            right.plot([0, most], [0, most], color=plots.GREY, linewidth=0.8, zorder=0)
            right.set(ylabel="after training")
        panels[-1, 0].set(xlabel="channel")
        panels[-1, 1].set(xlabel="delay at the start (steps)")
    return figure


def remembered(trace: Trace) -> "Figure":
    """Draw what taps and states still hold of the past, by lag, and the score without either."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    kinds = {"convolution": "taps of layer", "recurrence": "states of layer"}
    with plots.style():
        figure = Figure(figsize=(6.8, 3.8), layout="constrained")
        axes = figure.subplots()
        for line, (kind, name) in zip(("-", "--"), kinds.items(), strict=True):
            for k, row in enumerate(trace.parameters.get(f"remembered/{kind}", ())):
                colour = plots.COLOURS[k % len(plots.COLOURS)]
                axes.plot(np.arange(len(row)), row, line, color=colour, label=f"{name} {k + 1}")
        axes.set(xlabel="lag (steps)", ylabel="share of the past that is held", ylim=(0, 1.05))
        axes.legend()
        lost = [
            f"without {name}: {float(trace.parameters[key]):.3f}"
            for name in ("delays", "states")
            if (key := f"remembered/score_without_{name}") in trace.parameters
        ]
        if lost:
            axes.set_title("score " + ", ".join(lost), fontsize=10)
    return figure
