"""The interface between a simulation and the hardware that its network runs on.

The engine knows no chip. It asks hardware for two things: the network with the parameters that the hardware
can have, and the transmission of the spikes of each population.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from eventsim import registry
from eventsim.network.network import Network
from eventsim.population.population import OutputFilter, Population

__all__ = ["EXAMPLES", "RunsNetworks", "RunsSamples", "checked_hardware"]

EXAMPLES = (
    "a name such as 'brainscales2' or 'jitter,sigma=0.1', or an object such as es.hardware.BrainScaleS2()"
)


@runtime_checkable
class RunsNetworks(Protocol):
    """Hardware that a simulation can run on."""

    def transform(self, network: Network, trial: int = 0) -> Network:
        """Return the network that the hardware runs; the network itself if nothing is different."""

    def transmissions(self, network: Network, trial: int = 0) -> Mapping[str, OutputFilter]:
        """Return the transmission of spikes by population, new at each call.

        `network` is the network before `transform`. Spikes of populations that are missing pass unchanged.
        """


@runtime_checkable
class RunsSamples(Protocol):
    """Hardware on which the samples of a batch differ."""

    def begin_sample(self, populations: Mapping[str, Population], sample: int) -> None:
        """Let populations that were built, and stand at time 0, be those of another sample of the batch.

        Thresholds and keys of what is drawn are written into them; everything else stays.
        """


def checked_hardware(given: Any, interface: Any = RunsNetworks) -> Any:
    """Return hardware that is given as an object or by name; None stays None.

    Parameters
    ----------
    given : object, str or None
        Names are read as those of the option ``--hardware``: "brainscales2,device_seed=7".
    interface : class, optional
        What it must be an instance of.

    Raises
    ------
    UnknownPart, ConfigError
        If no hardware has this name, or a setting is wrong.
    TypeError
        If it is something else.
    """
    if isinstance(given, str):
        given = registry.from_text("hardware", given)
    if isinstance(given, type):
        name = given.__name__
        raise TypeError(f"hardware must be an object, got the class {name}; write {name}(...)")
    if given is None or isinstance(given, interface):
        return given
    if isinstance(given, list | tuple):
        raise TypeError(f"hardware must be {EXAMPLES}; a list of parts is es.hardware.Substrate([...])")
    if hasattr(given, "configure"):
        raise TypeError(
            f"hardware must be {EXAMPLES}; {given!r:.60} is a target, which runs batches by itself: "
            "target.configure(net), then target.run(inputs, until=..., trial=...)"
        )
    raise TypeError(f"hardware must be {EXAMPLES}, got {given!r:.60}")
