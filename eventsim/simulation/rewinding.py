"""A built network set back to its beginning in place, so that the next sample need not build it again.

Only what is known to be all of the state goes back in place: spiking populations whose class has
``rewind(state)`` beside its ``snapshot()``, and transmissions of spikes that have it too, without plasticity
or continuous populations. Everything else is built anew.
"""

from __future__ import annotations

from typing import Any

from eventsim.network.network import Network
from eventsim.simulation.build import CompiledNetwork

__all__ = ["Beginning"]


def _rewinds(part: Any) -> bool:
    """Return whether the class that says how to rewind a part also says what its whole state is."""
    kind = type(part)
    owner = next((each for each in kind.__mro__ if "rewind" in vars(each)), None)
    return owner is not None and getattr(kind, "snapshot", None) is getattr(owner, "snapshot", None)


class Beginning:
    """The state of a built network in which nothing has run, nor has anything been added to its sources.

    Parameters
    ----------
    compiled : CompiledNetwork
        Just built.
    """

    def __init__(self, compiled: CompiledNetwork) -> None:
        self._compiled = compiled
        parts: list[Any] = [*compiled.populations.values()]
        parts += [each.transmission for each in parts if each.transmission is not None]
        self._states = [(part, part.snapshot()) for part in parts]

    @classmethod
    def of(cls, net: Network, compiled: CompiledNetwork) -> Beginning | None:
        """Return the beginning of a network just built, or None if it cannot be set back in place."""
        populations = compiled.populations.values()
        transmissions = (each.transmission for each in populations if each.transmission is not None)
        if compiled.ticks or net.plasticity or not all(map(_rewinds, (*populations, *transmissions))):
            return None
        return cls(compiled)

    def put_back(self) -> bool:
        """Set the network back, and return whether that was possible; recordings stay as they are."""
        compiled = self._compiled
        if compiled.engine:
            compiled.engine.reset()
        elif compiled.sweeps is None or not compiled.sweeps.rewind():
            return False
        for part, state in self._states:
            part.rewind(state)
        for population in compiled.populations.values():
            population.log.clear()
            population.fresh.clear()
            for log in population.event_logs.values():
                log.clear()
        return True
