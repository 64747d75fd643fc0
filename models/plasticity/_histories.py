"""Spikes of targets that synapses may look back at, as states hold them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.states import state_array
from eventsim.trace import Floats, Ints


def checked_history(state: Mapping[str, Any], count: Ints, n: int, of: str) -> Floats:
    """Return the array ``history`` of a state, which holds the spikes of `n` targets that it counts.

    Parameters
    ----------
    count : ndarray of int, shape (n,)
        Spikes of each target in it.
    of : str
        Whose state it is, for messages.

    Returns
    -------
    ndarray, shape (n, capacity, 3)

    Raises
    ------
    ValueError
        If it has another shape, or holds fewer spikes than counted.
    """
    shape = np.asarray(state.get("history")).shape
    if len(shape) != 3 or (shape[0], shape[2]) != (n, 3) or shape[1] < 1:
        raise ValueError(
            f"'history' in the state of {of} must have shape ({n}, capacity, 3) with room for a spike, "
            f"got {shape}"
        )
    if not ((count >= 0) & (count <= shape[1])).all():
        raise ValueError(f"'count' in the state of {of} must lie between 0 and {shape[1]}")
    return state_array(state, "history", float, shape, 0.0, np.inf, of=of)
