"""What Elephant computes is computed by it: its modules, and spikes as it takes them."""

from __future__ import annotations

import importlib
from typing import Any

from eventsim.io.analysis.population_spikes import PopulationSpikes

__all__ = ["UNITS_OF_TIME", "elephant_module", "in_unit", "neo_trains"]

UNITS_OF_TIME = ("ns", "us", "ms", "s")


def elephant_module(name: str) -> Any:
    """Return a module of Elephant.

    Raises
    ------
    ImportError
        If Elephant is not installed, with what to install.
    """
    try:
        return importlib.import_module(f"elephant.{name}")
    except ImportError as error:
        if error.name and error.name.partition(".")[0] not in ("elephant", "neo", "quantities"):
            raise
        raise ImportError(
            f"this measure is computed by Elephant (elephant.{name}), which is not installed; "
            "pip install 'eventsim[analysis]'"
        ) from None


def in_unit(value: Any, time_unit: str, power: int = 1) -> Any:
    """Return numbers as a quantity in a power of the time unit; what is no unit of time counts as ms."""
    import quantities as pq

    return value * pq.Quantity(1.0, time_unit if time_unit in UNITS_OF_TIME else "ms") ** power


def neo_trains(spikes: PopulationSpikes) -> list[Any]:
    """Return the spikes of each unit as a `neo.SpikeTrain` from `start` to `stop`."""
    elephant_module("statistics")
    import neo

    start, stop = in_unit(spikes.start, spikes.time_unit), in_unit(spikes.stop, spikes.time_unit)
    unit = in_unit(1.0, spikes.time_unit)
    return [neo.SpikeTrain(times * unit, t_start=start, t_stop=stop) for times in spikes.trains()]
