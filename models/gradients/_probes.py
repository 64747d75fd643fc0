"""The times at which membranes are read in a run, by population."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.io.plain import plain_array, shown
from eventsim.models.gradients.network import SpikeNetwork

__all__ = ["checked_probes", "sorted_probes"]

Floats = NDArray[np.float64]


def checked_probes(
    network: SpikeNetwork, probes: Mapping[str, Any], n_samples: int, until: float
) -> dict[str, Floats]:
    """Return the times by population, shape (n_samples or 1, n_times, n or 1).

    Raises
    ------
    UnknownPart, ValueError, TypeError
        If a population is unknown or has no membranes, or times are no times of the run.
    """
    if not isinstance(probes, Mapping):
        raise TypeError(
            f"probes must be times by population, such as {{'cells': [1.0]}}, got {shown(probes)}"
        )
    return {name: _checked(network, name, times, n_samples, until) for name, times in probes.items()}


def _checked(network: SpikeNetwork, name: str, times: Any, n_samples: int, until: float) -> Floats:
    if name not in network.numbers:
        raise UnknownPart(f"no population is named {name!r}; known: {', '.join(network.names)}")
    if name in network.sources:
        raise ValueError(
            f"{name!r} has no membranes, it is a source; neurons are {', '.join(network.neurons)}"
        )
    n, what = network.size(name), f"probe times of {name!r}"
    found = plain_array(times, what)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"{what} must be numbers, got {shown(times)}")
    given, found = found.shape, found.astype(np.float64)
    if found.ndim == 1:
        found = found[None, :, None]
    elif found.ndim == 2:
        found = found[:, :, None]
    if found.ndim != 3 or found.shape[0] not in (1, n_samples) or found.shape[2] not in (1, n):
        raise ValueError(
            f"{what} have shape {given}, expected (n_times,), ({n_samples}, n_times) or "
            f"({n_samples}, n_times, {n})"
        )
    wrong = np.isnan(found) | (found < 0) | ((found > until) & (found != np.inf))
    if wrong.any():
        value = found[wrong][0]
        reason = "be numbers" if np.isnan(value) else f"lie in the run, from 0 to until = {until:g}"
        raise ValueError(f"{what} must {reason} (inf for none), got {value}")
    return found


def sorted_probes(times: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """Return the times of each unit in order, and where each stood before.

    Both have the shape (n_samples or 1, n or 1, n_times).
    """
    each = np.ascontiguousarray(times.transpose(0, 2, 1))
    order = np.argsort(each, axis=-1, kind="stable")
    return np.take_along_axis(each, order, -1), np.ascontiguousarray(order, np.int32)
