"""What every rule of `eventsim.connect` is."""

import numpy as np

from eventsim.connect.connections import Connections


class ConnectionRule:
    """Says which units of one population reach which units of another.

    `autapses` is False only where both are the same population and self connections are left out.
    """

    __slots__ = ()

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError, naming the projection `label`, if the rule cannot be followed."""

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses, without weights and delays."""
        raise NotImplementedError
