"""The ideal target: what is simulated is what was declared. The interface of a target by example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventsim.registry import register

if TYPE_CHECKING:
    from numpy.random import Generator

    from eventsim.network import Network
    from eventsim.trace import Floats


@register("hardware", "ideal")
@dataclass(frozen=True, slots=True)
class Ideal:
    """No distortion: parameters as declared, every spike on time."""

    def transform(self, network: Network) -> Network:
        """Return the network that the target can hold; here the network itself."""
        return network

    def offsets(self, rng: Generator, n_units: int, n_spikes: int) -> Floats | None:
        """Return how much later the k-th spike of a unit leaves it.

        Parameters
        ----------
        rng : Generator
            The stream of this run: a trial-to-trial effect is drawn anew for every run.
        n_units, n_spikes : int

        Returns
        -------
        ndarray, shape (n_units, n_spikes), or None
            In the network's time unit; None where spikes leave on time.
        """
        return None
