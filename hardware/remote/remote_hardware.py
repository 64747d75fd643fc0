"""Hardware that a command knows by its address only: ``tcp://host:port``, a chip behind a server.

What becomes of a network there is the server's business; `RemoteTarget` talks to it. Only the weights that
the chip can have may be told here, so that the learner rounds its own as the chip does.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.weight_quantization import WeightQuantization
from eventsim.hardware.parts.weight_saturation import WeightSaturation
from eventsim.hardware.remote.remote_target import RemoteTarget, host_and_port
from eventsim.network import Network
from eventsim.parameters import one_number

__all__ = ["SCHEME", "RemoteHardware"]

SCHEME = "tcp://"


@dataclass(frozen=True, slots=True)
class RemoteHardware:
    """A chip in another process, for training with it in the loop.

    Attributes
    ----------
    address : "host:port".
    weight_step, weight_limit : distance of two neighbouring weights and the largest size of one; 0 and inf if
        any can be had, or it is not known.
    timeout, retries : as `RemoteTarget` has them.
    """

    address: str
    weight_step: float = 0.0
    weight_limit: float = np.inf
    timeout: float = 30.0
    retries: int = 8

    def __post_init__(self) -> None:
        host_and_port(self.address)
        one_number(self.weight_step, "weight_step", low=0)
        one_number(self.timeout, "timeout", low=0)

    def parts_for(self, network: Network) -> tuple[Part, ...]:
        """Return what is known of the weights."""
        return WeightQuantization(self.weight_step), WeightSaturation(self.weight_limit)

    def target(self) -> RemoteTarget:
        """Return the target that talks to the server; it connects when it is configured."""
        return RemoteTarget(self.address, timeout=self.timeout, retries=self.retries)

    def transform(self, network: Network, trial: int = 0) -> NoReturn:
        """Refuse: nothing is known of the network there."""
        raise ConfigError(
            f"{SCHEME}{self.address} runs networks in training only (fast-and-deep, delgrad); a simulation "
            f"needs hardware that is known here, such as brainscales2"
        )

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, Any]:
        """Return nothing: spikes are seen as the server sends them."""
        return {}
