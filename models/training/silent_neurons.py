"""A cure for silent neurons: weights into them are raised instead of a gradient step.

A silent neuron has no gradient, so a layer that has fallen silent cannot learn. If too many of a population's
neurons are silent in a batch, the weights into those that were silent in any sample are raised by a small
amount, which doubles each time the same population needs it again in the next batch (Göltz et al. 2021).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.parameters import one_number

__all__ = ["WeightBump"]

Bools = NDArray[np.bool_]


class WeightBump:
    """Decides whether the weights into a population are raised, and by how much.

    Parameters
    ----------
    max_missing : mapping of str to float
        Largest accepted fraction of silent neurons, by population; populations not named may be silent.
    bump : float
        By how much weights are raised the first time.
    raise_weights : callable
        Raises the weights into some neurons: called with the name of the population, which neurons, shape
        (n,), and by how much.
    """

    def __init__(
        self,
        max_missing: Mapping[str, float],
        bump: float,
        raise_weights: Callable[[str, Bools, float], None],
    ) -> None:
        self.max_missing = {
            name: one_number(fraction, f"max_missing of {name!r}", low=0, high=1)
            for name, fraction in max_missing.items()
        }
        self.first = one_number(bump, "bump", low=0)
        self.raise_weights = raise_weights
        self._amount, self._latest = self.first, ""

    def raise_if_needed(self, missing: Mapping[str, float], silent: Mapping[str, Bools]) -> str | None:
        """Raise weights into the first population that misses too many spikes, and return its name.

        Parameters
        ----------
        missing : mapping of str to float
            Fraction of silent neurons over the batch, by population, senders first.
        silent : mapping of str to ndarray, shape (n_samples, n)
            Which neurons were silent.
        """
        for name, fraction in missing.items():
            if fraction > self.max_missing.get(name, 1.0):
                self._amount = 2 * self._amount if self._latest == name else self.first
                self._latest = name
                self.raise_weights(name, np.asarray(silent[name].any(axis=0)), self._amount)
                return name
        self._latest = ""
        return None

    def state(self) -> dict[str, Any]:
        """Return what the next amount depends on."""
        return {"bump": self._amount, "bumped": self._latest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        amount = one_number(state["bump"], "bump in the state", low=0)
        self._amount, self._latest = amount, str(state["bumped"])
