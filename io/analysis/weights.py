"""Arrays of a network: how weights and delays are distributed, and how far two of them point apart."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import UnknownPart, did_you_mean
from eventsim.hints import hinting
from eventsim.io.plain import real_array
from eventsim.trace import Floats, Trace

__all__ = ["Statistics", "alignment_angle", "connection_statistics", "statistics", "synapses_of"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a distribution of values is like; all nan where there are none.

    Attributes
    ----------
    n : int
        Finite values.
    mean, sd : float
        Standard deviation of a sample, over n - 1.
    minimum, lower_quartile, median, upper_quartile, maximum : float
    skewness, kurtosis : float
        Of the population of values; the kurtosis of a normal distribution is 0.
    zeros : int
        How many are exactly 0.
    not_finite : int
        How many were left out because they are nan or infinite.
    """

    n: int
    mean: float
    sd: float
    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    skewness: float
    kurtosis: float
    zeros: int
    not_finite: int


@hinting
def statistics(values: ArrayLike) -> Statistics:
    """Return the statistics of values of any shape, by `scipy.stats.describe` and `numpy.quantile`.

    >>> statistics([1.0, 2.0, 3.0, 6.0]).median
    2.5
    """
    from scipy import stats

    flat = real_array(values, "values").ravel()
    finite = flat[np.isfinite(flat)]
    nan, left_out = math.nan, len(flat) - len(finite)
    if not len(finite):
        return Statistics(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, 0, left_out)
    low, lower, median, upper, high = (float(q) for q in np.quantile(finite, (0.0, 0.25, 0.5, 0.75, 1.0)))
    skewness = kurtosis = nan
    if high > low:
        described = stats.describe(finite)
        skewness, kurtosis = float(described.skewness), float(described.kurtosis)
    return Statistics(
        n=len(finite),
        mean=float(finite.mean()),
        sd=float(finite.std(ddof=1)) if len(finite) > 1 else nan,
        minimum=low,
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        maximum=high,
        skewness=skewness,
        kurtosis=kurtosis,
        zeros=int((finite == 0).sum()),
        not_finite=left_out,
    )


@hinting
def connection_statistics(source: Any, projection: str) -> dict[str, Statistics]:
    """Return the statistics of a projection: weight, delay, indegree and outdegree.

    Parameters
    ----------
    source : Simulation, Trace, str or Path
        A simulation, or a trace or file with the parameter ``weight/PROJECTION``; ``delay/PROJECTION`` too if
        delays are to be counted.
    projection : str
        Such as "input->hidden".

    Returns
    -------
    dict of str to Statistics
        ``weight``; ``delay`` where there is one; ``indegree`` (synapses of a target unit) and ``outdegree``
        (of a source unit) where the synapses are known: for arrays, those that are not 0.

    Raises
    ------
    UnknownPart
        If there is no such projection.
    """
    pre, post, weight, delay, (n_pre, n_post) = synapses_of(source, projection)
    found = {"weight": statistics(weight)}
    if delay is not None:
        found["delay"] = statistics(delay)
    if pre is not None:
        found["indegree"] = statistics(np.bincount(post, minlength=n_post))
        found["outdegree"] = statistics(np.bincount(pre, minlength=n_pre))
    return found


def synapses_of(source: Any, projection: str) -> tuple[Any, Any, Floats, Floats | None, tuple[int, int]]:
    """Return pre, post, weight and delay of the synapses of a projection, and the numbers of units."""
    if isinstance(source, str | os.PathLike):
        from eventsim.io.hdf5.reading import load

        source = load(source, recordings=False)
    if isinstance(source, Trace):
        name = f"weight/{projection}"
        if name not in source.parameters:
            known = {key.removeprefix("weight/") for key in source.parameters if key.startswith("weight/")}
            raise UnknownPart(
                f"no weights of {projection!r} here; known: {', '.join(sorted(known)) or 'none'}"
                f"{did_you_mean(projection, known)}"
            )
        return _of_arrays(source.parameters[name], source.parameters.get(f"delay/{projection}"))
    if not hasattr(source, "weights"):
        raise TypeError(f"weights are of a Simulation, a Trace or a file, got {type(source).__name__}")
    weights = source.weights(projection)
    if not isinstance(weights, tuple):
        return _of_arrays(np.asarray(weights), None)
    pre, post, weight, delay = weights
    declared = next(each for each in source.net.projections if each.name == projection)
    sizes = source.net.populations
    return pre, post, weight, delay, (sizes[declared.pre].n, sizes[declared.post].n)


def _of_arrays(weight: Any, delay: Any) -> tuple[Any, Any, Floats, Floats | None, tuple[int, int]]:
    """Return the synapses of a dense array; those with weight 0 are counted as absent for degrees only."""
    array = real_array(weight, "weights")
    late = None if delay is None else real_array(delay, "delays").ravel()
    if array.ndim != 2:
        return None, None, array.ravel(), late, (0, 0)
    pre, post = np.nonzero(array)
    return pre, post, array.ravel(), late, (array.shape[0], array.shape[1])


@hinting
def alignment_angle(a: ArrayLike, b: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Any:
    r"""Return the angle between two arrays in degrees: 0 for the same direction, 180 for the opposite one.

    Parameters
    ----------
    a, b : array_like of one shape
        Weights and the transpose of feedback weights, a gradient and an estimate of it.
    axis : int or tuple of int, optional
        The axes along which a vector lies, so that the others stay, such as epochs. Default: all.

    Returns
    -------
    float or ndarray
        nan where one of the two is zero or not finite.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    With unit vectors :math:`u, v` it is :math:`2\,\mathrm{atan2}(|u - v|, |u + v|)`, which keeps all digits
    at small angles, where the arc cosine loses half of them (Kahan 2006).

    Examples
    --------
    >>> alignment_angle([1.0, 0.0], [1.0, 1.0])
    45.0
    """
    u, v = real_array(a, "arrays"), real_array(b, "arrays")
    if u.shape != v.shape:
        raise ValueError(f"an angle is between arrays of one shape, got {u.shape} and {v.shape}")
    with np.errstate(invalid="ignore", divide="ignore"):
        u = u / np.sqrt((u * u).sum(axis=axis, keepdims=True))
        v = v / np.sqrt((v * v).sum(axis=axis, keepdims=True))
        apart = np.sqrt(((u - v) ** 2).sum(axis=axis))
        found = np.degrees(2 * np.arctan2(apart, np.sqrt(((u + v) ** 2).sum(axis=axis))))
    return float(found) if np.ndim(found) == 0 else found
