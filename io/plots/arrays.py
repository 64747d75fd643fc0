"""Plots of arrays: weight matrices, distributions of values, labelled points."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.plots.styling import COLOURS, MARKS, axes_or_new, legend_beside, set_title, whole_ticks


@hinting
def histogram(values: ArrayLike, ax: Axes | None = None, *, label: str = "weight") -> Axes:
    """Draw how often values occur, from the smallest to the largest; zeros of sparse matrices count too.

    The number of values that are nan or infinite stands in the label.
    """
    ax = axes_or_new(ax)
    flat = np.asarray(values, np.float64).ravel()
    finite = np.isfinite(flat)
    if not finite.all():
        label = f"{label} (without {int((~finite).sum())} that are not finite)"
    flat = flat[finite]
    if len(flat) and float(np.ptp(flat)) > 0:
        ax.hist(flat, bins=int(np.clip(np.sqrt(len(flat)), 10, 80)), color=COLOURS[0])
    else:
        ax.bar(flat[:1], [len(flat)], color=COLOURS[0], width=0.1)
    ax.axvline(0.0, color="#888888", linewidth=0.8, zorder=0)
    ax.set_xlabel(label)
    ax.set_ylabel("number")
    return ax


@hinting
def matrix(
    weight: ArrayLike, ax: Axes | None = None, *, label: str = "weight", bound: float | None = None
) -> Axes:
    """Draw a weight matrix (pre, post) as an image, white at zero.

    Parameters
    ----------
    bound : float, optional
        End of the colour scale, so that several matrices can share one; default the largest weight.
    """
    ax = axes_or_new(ax)
    weight = np.asarray(weight, np.float64)
    if bound is None:
        bound = float(np.max(np.abs(weight[np.isfinite(weight)]), initial=0.0))
    bound = bound or 1.0
    image = ax.imshow(
        weight,
        aspect="auto",
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0.0, -bound, bound),
        interpolation="nearest" if max(weight.shape) < 600 else "antialiased",
    )
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.046, pad=0.02)
    ax.set_xlabel("to unit")
    ax.set_ylabel("from unit")
    whole_ticks(ax.xaxis, weight.shape[1])
    whole_ticks(ax.yaxis, weight.shape[0])
    return ax


@hinting
def yin_yang(
    samples: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
) -> Axes:
    """Draw samples of the Yin-Yang set by class; those predicted wrongly get a black ring.

    Parameters
    ----------
    samples : ndarray, shape (n, 2 or more)
        The first two columns are x and y.
    labels, predicted : ndarray, shape (n,)
    """
    ax = axes_or_new(ax)
    samples, labels = np.asarray(samples), np.asarray(labels)
    size = float(np.clip(12_000 / max(len(labels), 1), 4, 22))
    for k, name in enumerate(("yin", "yang", "dot")):
        chosen = labels == k
        ax.scatter(
            samples[chosen, 0],
            samples[chosen, 1],
            s=size,
            color=COLOURS[k],
            marker=MARKS[k],
            label=name,
            linewidths=0,
        )
    if predicted is not None:
        wrong = np.asarray(predicted) != labels
        ax.scatter(
            samples[wrong, 0],
            samples[wrong, 1],
            s=size + 18,
            facecolors="none",
            edgecolors="black",
            linewidths=0.9,
            label=f"wrong ({int(wrong.sum())} of {len(labels)})",
        )
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    legend_beside(ax)
    set_title(ax, title)
    return ax
