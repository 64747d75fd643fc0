"""Offsets: when each of many samples begins that one run shows one after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError
from eventsim.io.plain import plain_array

__all__ = ["OFFSETS", "agreed_offsets", "continued_offsets", "read_offsets", "rising_offsets"]

Floats = NDArray[np.float64]
OFFSETS = "offsets"
"""Name of the parameter that a record has them in, alone or as ``offsets/<source>``."""


def read_offsets(given: ArrayLike, label: str, n_samples: int | None = None) -> Floats:
    """Return offsets as a new array.

    Parameters
    ----------
    given : array_like, shape (n_samples,)
    label : str
        What messages call them.
    n_samples : int, optional
        How many there have to be; any number unless given.

    Raises
    ------
    ValueError
        If they are not one finite number for each sample.
    """
    start = plain_array(given, label)
    if start.dtype.kind not in "iuf" or start.ndim != 1 or n_samples not in (None, len(start)):
        many = f"each of {n_samples} samples" if n_samples is not None else "each sample"
        raise ValueError(f"{label} must be numbers, one for {many}, got {start.dtype} of shape {start.shape}")
    start = start.astype(float)
    if not np.isfinite(start).all():
        raise ValueError(f"{label} must be finite, got {float(start[~np.isfinite(start)][0])!r}")
    return start


def rising_offsets(given: ArrayLike, label: str, n_samples: int | None = None) -> Floats:
    """Return offsets by which a record can be cut: from 0 on, each later than the one before.

    Raises
    ------
    ValueError
        As `read_offsets`, and if there are none, one is negative, or they do not rise.
    """
    start = read_offsets(given, label, n_samples)
    if not len(start):
        raise ValueError(f"{label} must be of one sample or more, got none")
    if start[0] < 0:
        raise ValueError(f"{label} must not be negative, got {float(start[0])!r}")
    falls = np.flatnonzero(start[1:] <= start[:-1])
    if len(falls):
        k = int(falls[0])
        raise ValueError(
            f"{label} must rise, got {float(start[k + 1])!r} for sample {k + 1} "
            f"after {float(start[k])!r} for sample {k}"
        )
    return start


def continued_offsets(known: Floats | None, more: Floats) -> Floats:
    """Return the offsets of a source given samples again: further ones, or more spikes of the last."""
    if known is None:
        return more
    if len(more) <= len(known) and np.array_equal(known[len(known) - len(more) :], more):
        return known
    return np.concatenate([known, more])


def agreed_offsets(parameters: Mapping[str, Any]) -> Any:
    """Return the offsets that are among the parameters of a record.

    Raises
    ------
    ConfigError
        If there are none, or the samples of two sources begin at different times.
    """
    known = {
        name: offsets
        for name, offsets in parameters.items()
        if (name == OFFSETS or name.startswith(f"{OFFSETS}/")) and np.size(offsets)
    }
    if not known:
        raise ConfigError(
            "no offsets of samples are known, since none were given to stimulate(..., offsets=); "
            "by_sample(offsets=[0.0, 50.0]) takes them"
        )
    first, *others = known
    for other in others:
        if not np.array_equal(known[first], known[other]):
            raise ConfigError(
                f"samples begin at different times in {first!r} and {other!r}; "
                "say which count, by_sample(offsets=[0.0, 50.0])"
            )
    return known[first]
