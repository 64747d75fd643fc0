"""Copies of a simulation, by `pickle` and `copy`: the network, what was asked for, the state and the records.

A copy is built again from its network and goes on from a snapshot, so it shares nothing with the original
and gives the same bits.
"""

import copy
from typing import Any

from eventsim.changes import Agenda, Changes

__all__ = ["put_state", "refusal", "state_of"]

COMPILED = (  # made again from the rest
    "_compiled",
    "_recordings",
    "_beginning",
    "_changes",
    "_agenda",
    "_first_weights",
    "_first_delays",
)


def refusal(sim: Any) -> str | None:
    """Return why a simulation cannot be copied, or None if it can."""
    remedy = "keep sim.snapshot(), and restore it into a simulation that has them"
    if sim._hooks:
        names = ", ".join(dict.fromkeys(repr(population) for population, _ in sim._hooks))
        return f"a simulation with hooks on spikes (of {names}) cannot be pickled or copied; {remedy}"
    if own := sim.own_handlers():
        count = "a handler of your own" if own == 1 else f"{own} handlers of your own"
        return f"a simulation with {count} on its engine cannot be pickled or copied; {remedy}"
    if sim._agenda.entries:
        return f"a simulation with functions scheduled by at() cannot be pickled or copied; {remedy}"
    if sim._stream is not None:
        return (
            f"a simulation that streams into {sim._stream.path} cannot be pickled or copied; keep "
            "sim.snapshot(), which the file can hold"
        )
    return None


def state_of(sim: Any) -> dict[str, Any]:
    """Return everything that a copy is made of.

    Raises
    ------
    TypeError
        If there are hooks, handlers of one's own or a stream, which belong to this simulation alone.
    """
    if why := refusal(sim):
        raise TypeError(why)
    state = {name: value for name, value in vars(sim).items() if name not in COMPILED}
    for name, value in state.items():
        if isinstance(value, list | dict):
            state[name] = copy.copy(value)
    if sim._compiled is not None:
        state["_wanted"] = sim._compiled.schedule
        state["copied"] = {
            "snapshot": sim.snapshot(),
            "records": {name: log.columns() for name, log in sim._logs().items()},
        }
    return state


def put_state(sim: Any, state: dict[str, Any]) -> None:
    """Make a new simulation what `state_of` returned."""
    state = dict(state)
    copied = state.pop("copied", None)
    vars(sim).update(state)
    sim._compiled, sim._recordings, sim._begun, sim._beginning = None, {}, False, None
    sim._changes, sim._agenda, sim._first_weights, sim._first_delays = Changes(), Agenda(), {}, {}
    if copied is None:
        return
    sim._build()
    sim.restore(copied["snapshot"])
    sim._repeat_signals()
    for name, log in sim._logs().items():
        log.fill(*copied["records"][name])
