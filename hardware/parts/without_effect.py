"""Why a part has nothing to act on in a network: what is missing there, and what might have been meant."""

import difflib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from eventsim.hardware.placement import delayed
from eventsim.network import Network, is_on_hardware

__all__ = ["no_delays", "no_parameter", "no_projections", "no_spikes"]


def no_projections(network: Network) -> str | None:
    """Return that there are no synapses; None if there are."""
    return None if network.projections else "the network has no projections"


def no_delays(network: Network) -> str | None:
    """Return that nothing is delayed; None if something is."""
    return None if any(map(delayed, network.projections)) else "no projection has a delay"


def no_spikes(network: Network, whose: str) -> str | None:
    """Return that nothing spikes, of "neurons", "inputs" or "all"; None if something does."""
    sources = [p.model.is_source for p in network.populations.values() if is_on_hardware(p.model)]
    if whose == "all":
        return None if sources else "no population spikes"
    if whose == "inputs":
        return None if any(sources) else "no source of the network spikes"
    return None if not all(sources) else "no population of neurons spikes"


def no_parameter(
    network: Network, name: str, others: Iterable[str] = (), *, may_be_zero: bool = False
) -> str | None:
    """Return that no neurons have a parameter, with the names they have; None if some do.

    Parameters
    ----------
    network : Network
    name : str
    others : names that are no parameters of neurons and can be meant all the same.
    may_be_zero : bool
        Whether the part changes a parameter that is 0. If it multiplies it does not.
    """
    found = [values_of(p.model) for p in network.populations.values() if not p.model.is_source]
    here = [parameters[name] for parameters in found if name in parameters]
    if not here:
        known = sorted({key for parameters in found for key in parameters} | set(others))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"no neurons have a parameter {name!r}; {hint}known: {', '.join(known) or 'none'}"
    if not may_be_zero and all(not np.any(value) for value in here):
        return f"{name} of all neurons is 0"
    return None


def values_of(model: Any) -> dict[str, Any]:
    """Return the parameters of a model that are numbers, or one number for each unit."""
    if not is_dataclass(model):
        return {}
    values = {each.name: getattr(model, each.name) for each in fields(model)}
    return {
        name: value
        for name, value in values.items()
        if not isinstance(value, bool | str) and value is not None and np.asarray(value).dtype.kind in "fiu"
    }
