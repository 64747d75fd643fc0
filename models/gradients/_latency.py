"""Latency of arrivals: by how much observed arrivals are later than spike time plus delay.

The value of an arrival is the observed one, the path of its gradient that of the network:
t' := t + d - stopgrad(t + d - t'_measured), so dt'/dt = dt'/dd = 1 (Göltz et al. 2025, DelGrad).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import UnknownPart
from eventsim.io.plain import real_array
from eventsim.models.gradients.network import Pathway, SpikeNetwork

__all__ = ["spike_latency"]

Floats = NDArray[np.float64]


def spike_latency(
    network: SpikeNetwork, first: Mapping[str, Floats], arrivals: Mapping[str, ArrayLike], n_samples: int
) -> dict[str, Floats]:
    """Return by how much arrivals are later than spike time plus delay; `inf` if they never came.

    Parameters
    ----------
    first : by population, its first spikes, shape (n_samples, n); `inf` for none.
    arrivals : by projection, when they arrived, shape (n_samples, n_pre) or (n_samples, n_pre, n_post). An
        arrival without a spike is ignored, since no spike has caused it.

    Returns
    -------
    dict of str to ndarray, shape (n_samples, n_pre, n_post)

    Raises
    ------
    UnknownPart, ValueError
        If there is no such projection, or its arrivals are invalid.
    """
    pathways = {p.name: p for p in network.pathways}
    found = {}
    for name, value in arrivals.items():
        if name not in pathways:
            raise UnknownPart(f"arrivals are given for {name!r}; projections: {', '.join(pathways)}")
        p = pathways[name]
        sent = first[p.pre][:, :, None]
        expected = sent + p.delay.reshape(p.delay.shape if p.delay.ndim == 2 else (1, 1))
        late = _checked(p, value, n_samples) - np.where(expected < np.inf, expected, 0.0)
        late = np.where(expected < np.inf, late, 0.0)
        found[name] = np.broadcast_to(late, (n_samples, p.n_pre, p.n_post))
    return found


def _checked(p: Pathway, given: ArrayLike, n_samples: int) -> Floats:
    """Return arrivals in a shape that broadcasts to (n_samples, n_pre, n_post)."""
    array = real_array(given, f"arrivals of {p.name!r}")
    by_source = (n_samples, p.n_pre)
    if array.shape == by_source:
        array = array[:, :, None]
    elif array.shape != (*by_source, p.n_post):
        raise ValueError(
            f"arrivals of {p.name!r} have shape {array.shape}, "
            f"expected {by_source} or {(*by_source, p.n_post)}"
        )
    if not (array > -np.inf).all():
        raise ValueError(f"arrivals of {p.name!r} must be numbers or inf, got {array[~(array > -np.inf)][0]}")
    return array
