"""Copies of a simulation, by `pickle` and `copy`: the network, what was asked for, the state and the records.

A copy is built again from its network and goes on from a snapshot, so it shares nothing with the original
and gives the same bits. Functions, such as hooks, are shared.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from eventsim.network.copied_functions import refuse_nameless
from eventsim.simulation.changes import Agenda, Changes

__all__ = ["pickled_state_of", "put_state", "refusal", "state_of"]

COMPILED = (  # made again from the rest
    "_compiled",
    "_recordings",
    "_beginning",
    "_changes",
    "_agenda",
    "_first_weights",
    "_first_delays",
    "_shared",
)


def refusal(sim: Any) -> str | None:
    """Return why a simulation cannot be copied, or None if it can."""
    remedy = "keep sim.snapshot(), and restore it into a simulation that has them"
    if own := sim.own_handlers():
        count = "a handler of your own" if own == 1 else f"{own} handlers of your own"
        return f"a simulation with {count} on its engine cannot be pickled or copied; {remedy}"
    if sim._stream is not None:
        return (
            f"a simulation that streams into {sim._stream.path} cannot be pickled or copied; keep "
            "sim.snapshot(), which the file can hold"
        )
    return None


def functions_in(sim: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions of its user's that a simulation holds, with what they are."""
    for population, hook in sim._hooks:
        yield f"the hook on spikes of {population!r}", hook
    for time, _, function in sim._agenda.entries[sim._agenda.done :]:
        yield f"what at() calls at {time!r}", function
    for (_, population), (signal, *_) in sim._signals.items():
        if hasattr(signal, "shown_again"):  # other settings are numbers
            yield f"the input signal of {population!r}", signal.__reduce__()[1][0]


def state_of(sim: Any) -> dict[str, Any]:
    """Return everything that a copy is made of.

    Raises
    ------
    TypeError
        If there are handlers of one's own or a stream, which belong to this simulation alone.
    """
    if why := refusal(sim):
        raise TypeError(why)
    state = {name: value for name, value in vars(sim).items() if name not in COMPILED}
    for name, value in state.items():
        if isinstance(value, list | dict):
            state[name] = copy.copy(value)
    state["agenda"] = list(sim._agenda.entries)
    if sim._compiled is not None:
        state["_wanted"] = sim._compiled.schedule
        state["copied"] = {
            "snapshot": sim.snapshot(),
            "records": {name: log.columns() for name, log in sim._logs().items()},
        }
    return state


def pickled_state_of(sim: Any) -> dict[str, Any]:
    """Return what a pickle is made of: without the functions of `at` that were called.

    Raises
    ------
    TypeError
        As `state_of`, and for functions that have no name in a module.
    """
    refuse_nameless(functions_in(sim))
    state = state_of(sim)
    entries, done, now = sim._agenda.entries, sim._agenda.done, sim.now
    state["agenda"] = [entry for k, entry in enumerate(entries) if k >= done or entry[0] >= now]
    return state


def put_state(sim: Any, state: dict[str, Any], shared: Mapping[str, Any] | None = None) -> None:
    """Make a new simulation what `state_of` returned, with synapses that the other has laid out."""
    state = dict(state)
    copied, entries = state.pop("copied", None), state.pop("agenda", [])
    grows = {"_cleared": [], "_offsets": {}, "_given": state["_asked"]}  # which copies of before do not have
    vars(sim).update(grows | state)
    sim._compiled, sim._recordings, sim._begun, sim._beginning = None, {}, False, None
    sim._changes, sim._agenda, sim._first_weights, sim._first_delays = Changes(), Agenda(), {}, {}
    sim._agenda.entries = list(entries)
    if copied is None:
        return
    sim._shared = shared or {}
    sim._build()
    sim.restore(copied["snapshot"])
    sim._repeat_signals()
    for name, log in sim._logs().items():
        log.fill(*copied["records"][name])
