"""Values into input spike times: early for small values, one spike each.

    t = early + x (late - early),   x in [0, 1]

The defaults are those of Göltz et al. 2021, in units of tau_syn.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array
from eventsim.parameters import one_number

__all__ = ["bias", "latency", "noisy"]

Floats = NDArray[np.float64]


def latency(
    values: ArrayLike, early: float = 0.15, late: float = 2.0, *, silent_latest: bool = False
) -> Floats:
    """Return the spike time of each value.

    Parameters
    ----------
    values : array_like
        Between 0 and 1.
    early, late : float
        Times of the values 0 and 1.
    silent_latest : bool
        Whether a value of exactly 1 sends no spike (`inf`) instead of one at `late`.

    Returns
    -------
    ndarray, float64, of the shape of `values`

    Raises
    ------
    ValueError
        If a value lies outside [0, 1] or is not a number, or `late` is not later than `early`.

    Examples
    --------
    >>> latency([0.0, 0.5, 1.0])
    array([0.15 , 1.075, 2.   ])
    """
    x = plain_array(values, "values to encode", "fiub").astype(np.float64)
    one_number(early, "early")
    one_number(late, "late")
    if not late > early:
        raise ValueError(f"late must be after early = {early!r}, got {late!r}")
    inside = (x >= 0) & (x <= 1)
    if not inside.all():
        raise ValueError(f"values to encode must lie between 0 and 1, got {float(x[~inside][0])!r}")
    times: Floats = early + x * (late - early)
    if silent_latest:
        times[x == 1] = np.inf
    return times


def noisy(times: Floats, sigma: float, rng: np.random.Generator) -> Floats:
    """Return the times moved by normal noise of standard deviation `sigma`; negative ones are reflected at 0.

    One number is drawn for every time, also for those that are `inf` and stay so.
    """
    one_number(sigma, "sigma", low=0)
    return np.abs(times + rng.normal(0.0, sigma, np.shape(times)))


def bias(time: float = 0.9, n: int = 1) -> Floats:
    """Return the spike times of `n` units that spike at the same time in every sample, shape (1, n)."""
    return np.full((1, n), one_number(time, "the time of a bias spike"))
