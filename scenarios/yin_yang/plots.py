"""Plots of the Yin-Yang data set: its samples, and what a perceptron decides."""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.trace import Trace


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    return {"decisions": decisions} if "train_samples" in trace.parameters else {}


def decisions(trace: Trace, n_grid: int = 300) -> Any:
    """Return a figure of the training samples over what the first trained perceptron decides.

    Parameters
    ----------
    trace : Trace
        Of a run of this scenario.
    n_grid : int
        Points along each side of the map of decisions.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from eventsim.io import plots

    parameters = trace.parameters
    with plots.style():
        figure = Figure(figsize=(5.8, 4.6), layout="constrained")
        axes = figure.subplots()
        if "ann/weight_0" in parameters:
            side = np.linspace(0.0, 1.0, n_grid)
            x, y = np.meshgrid(side, side)
            hidden = np.stack([x, y, 1 - x, 1 - y], axis=-1) @ parameters["ann/weight_0"][0]
            hidden = np.maximum(hidden + parameters["ann/bias_0"][0], 0.0)
            decided = (hidden @ parameters["ann/weight_1"][0] + parameters["ann/bias_1"][0]).argmax(axis=-1)
            axes.imshow(
                np.ma.masked_where(np.hypot(x - 0.5, y - 0.5) > 0.5, decided),
                cmap=ListedColormap(plots.COLOURS[:3]),
                vmin=0,
                vmax=2,
                extent=(0, 1, 0, 1),
                origin="lower",
                alpha=0.3,
                interpolation="nearest",
            )
        plots.yin_yang(
            parameters["train_samples"],
            parameters["train_labels"],
            ax=axes,
            title="training samples, and what a perceptron decides",
        )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return figure
