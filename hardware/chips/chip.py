"""Chips: substrates with a capacity, a clock and a price.

A chip is faster than the networks that it emulates. Its settings are in microseconds on the chip, those of
a network in the network's time unit. The chip translates between them by the time constant that both have:
`tau_us` on the chip is the network's tau_syn.
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.device import Hardware
from eventsim.network import Network

__all__ = ["Chip", "Cost"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of samples on a chip.

    Attributes
    ----------
    hardware_seconds : time that the chip is busy.
    biological_seconds : time that the network stands for, `speed_up` times as long.
    energy_joule_estimate : published power times that time; an estimate, not measured.
    """

    hardware_seconds: float
    biological_seconds: float
    energy_joule_estimate: float


class Chip(Hardware):
    """A chip; see `BrainScaleS2`.

    Attributes
    ----------
    tau_us : synaptic time constant on the chip, us.
    us_per_unit : us on the chip for one time unit of the network; None for tau_us / tau_syn of the network.
    speed_up : how many times faster than biology.
    wait_us : before the first sample of a run.
    power_watt : of the chip, for the estimate of energy.
    """

    __slots__ = ()

    tau_us: float
    us_per_unit: float | None
    speed_up: float
    wait_us: float
    power_watt: float

    @abstractmethod
    def label(self) -> str:
        """Return the name of the chip in messages."""

    def scale(self, network: Network) -> float:
        """Return how many us on the chip one time unit of the network is.

        Raises
        ------
        ConfigError
            If neurons have no tau_syn, or different ones.
        """
        if self.us_per_unit is not None:
            return self.us_per_unit
        constants = set()
        for population in network.populations.values():
            tau = getattr(population.model, "tau_syn", 0.0)
            if isinstance(tau, float):
                least = mean = tau
            else:
                least, mean = float(np.min(tau)), float(np.mean(tau))
            if least > 0 and not population.model.is_source:
                constants.add(mean)
        if len(constants) != 1:
            found = ", ".join(f"{tau:g}" for tau in sorted(constants)) or "none"
            raise ConfigError(
                f"{self.label()} takes its {self.tau_us:g} us for the tau_syn of the network, "
                f"which must be one, got {found}; say us_per_unit instead"
            )
        return self.tau_us / constants.pop()

    def cost(self, network: Network, n_samples: int, slot: float) -> Cost:
        """Return the cost of samples, one each `slot` in the network's time unit."""
        seconds = 1e-6 * (self.wait_us + n_samples * slot * self.scale(network))
        return Cost(seconds, seconds * self.speed_up, seconds * self.power_watt)

    def microseconds(self, network: Network, time: float) -> float:
        """Return a time of the network in us on the chip, such as that of a decision."""
        return time * self.scale(network)
