"""A built network set back to its beginning in place, so that the next sample need not build it again.

Only what is known to be all of the state goes back in place: spiking populations whose class has
``rewind(state)`` beside its ``snapshot()``, without plasticity, hardware or continuous populations.
Everything else is built anew.
"""

from __future__ import annotations

from typing import Any

from eventsim.network.network import Network
from eventsim.simulation.build import CompiledNetwork

__all__ = ["Beginning"]


def _rewinds(population: Any) -> bool:
    """Return whether the class that says how to rewind a population also says what its whole state is."""
    kind = type(population)
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
        self._states = {name: p.snapshot() for name, p in compiled.populations.items()}

    @classmethod
    def of(cls, net: Network, compiled: CompiledNetwork) -> Beginning | None:
        """Return the beginning of a network just built, or None if it cannot be set back in place."""
        populations = compiled.populations.values()
        if compiled.ticks or net.plasticity or not all(_rewinds(each) for each in populations):
            return None
        if any(each.transmission is not None for each in populations):
            return None
        return cls(compiled)

    def put_back(self) -> bool:
        """Set the network back, and return whether that was possible; recordings stay as they are."""
        compiled = self._compiled
        if compiled.engine:
            compiled.engine.reset()
        elif compiled.sweeps is None or not compiled.sweeps.rewind():
            return False
        for name, population in compiled.populations.items():
            population.rewind(self._states[name])
            population.log.clear()
            population.fresh.clear()
            for log in population.event_logs.values():
                log.clear()
        return True
