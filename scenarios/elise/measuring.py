"""How well a replay matches the pattern, whatever its phase; how it drifts; when it recovers."""

import numpy as np

from eventsim.trace import Floats

__all__ = ["SUSTAINED", "best_shifts", "correlation", "drift", "recovery", "sustained"]

SUSTAINED = 0.8  # correlation down to which a cycle counts as replay
LEAST_STD = 1e-5  # of a rate in a window; below, rounding is all that is left of it
MARGIN = 0.03  # below the undisturbed run, within which a replay has recovered


def correlation(rates: Floats, target: Floats) -> float:
    """Return the mean over neurons of Pearson's coefficient, both of shape (samples, neurons).

    A neuron that is constant has coefficient 0.
    """
    r, y = rates - rates.mean(axis=0), target - target.mean(axis=0)
    scale = np.sqrt((r**2).sum(axis=0) * (y**2).sum(axis=0))
    return float(
        np.mean(np.where(scale > 1e-12, (r * y).sum(axis=0) / np.where(scale > 1e-12, scale, 1.0), 0.0))
    )


def best_shifts(rates: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return the best correlation of each cycle but the last, and the shift at which it is found.

    Parameters
    ----------
    rates : ndarray, shape (cycles * samples, neurons)
    target : ndarray, shape (samples, neurons)
        Of one cycle.

    Returns
    -------
    correlation : ndarray, shape (cycles - 1,)
    shift : ndarray, shape (cycles - 1,)
        Samples by which the window of one cycle begins later than the cycle.
    """
    n = len(target)
    y = target - target.mean(axis=0)
    y_norm = np.sqrt((y**2).sum(axis=0))
    from scipy.signal import fftconvolve

    products = fftconvolve(rates, y[::-1], mode="valid", axes=0)  # at every start of a window
    sums, squares = (
        np.cumsum(np.vstack([np.zeros((1, rates.shape[1])), x]), axis=0) for x in (rates, rates**2)
    )
    variance = (squares[n:] - squares[:-n]) - (sums[n:] - sums[:-n]) ** 2 / n
    varies = variance > n * LEAST_STD**2
    scale = np.sqrt(np.where(varies, variance, 1.0)) * y_norm
    found = np.where(varies, products / scale, 0.0).mean(axis=1)
    windows = found[: len(found) // n * n].reshape(-1, n)
    return windows.max(axis=1), windows.argmax(axis=1).astype(float)


def sustained(correlations: Floats) -> int:
    """Return how many cycles from the first on are replay."""
    below = np.flatnonzero(correlations < SUSTAINED)
    return int(below[0]) if len(below) else len(correlations)


def drift(shifts: Floats, period: float) -> float:
    """Return the slope of the phase per cycle, without its sign; nan for less than 3 cycles."""
    if len(shifts) < 3:
        return float("nan")
    phase = np.unwrap(shifts, period=period)
    return abs(float(np.polyfit(np.arange(len(phase)), phase, 1)[0]))


def recovery(correlations: Floats, undisturbed: Floats) -> int:
    """Return after how many cycles the replay is back for three cycles: 1 for the next one, 0 for never.

    Parameters
    ----------
    correlations, undisturbed : ndarray, shape (cycles,), from the first cycle after the disturbed one on.
    """
    back = correlations >= undisturbed - MARGIN
    for cycle in range(len(back)):
        if back[cycle : cycle + 3].all():
            return cycle + 1
    return 0
