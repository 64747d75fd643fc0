"""The ideal target: what is simulated is what was declared. The interface of a target by example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.population.transmission import SpikeTransmission


@register("hardware", "ideal")
@dataclass(frozen=True, slots=True)
class Ideal:
    """No distortion: parameters as declared, every spike on time."""

    def transform(self, network: Network, trial: int = 0) -> Network:
        """Return the network that the target can hold; here the network itself.

        Parameters
        ----------
        network : Network
        trial : int
            Number of the run: what differs from run to run is drawn anew for each.
        """
        return network

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, SpikeTransmission]:
        """Return what spikes pass on their way out of each population, new at each call; here nothing.

        Parameters
        ----------
        network : Network
            As it was before `transform`.
        trial : int
            Number of the run.

        Returns
        -------
        dict of str to SpikeTransmission
            By population; spikes of those that are missing leave as they come.
        """
        return {}
