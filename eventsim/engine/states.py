"""The check of an engine's state: its tables of events, tokens, series and crossings fit together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.states import LATEST, state_array, state_number, state_part

__all__ = ["Tables", "checked_tables"]

FREE, CANCELLED = -3, -2  # of tokens; see queue.pxd
SEQUENCE_BITS = 48
Tables = dict[str, Any]


def checked_tables(state: Mapping[str, Any], handlers: Sequence[Any], n_slots: int) -> Tables:
    """Return the numbers and tables of a state, in the types that the engine keeps.

    Parameters
    ----------
    state : mapping
        What `Engine.snapshot` returned.
    handlers : sequence of Handler
        Of the engine that it is to go back to.
    n_slots : int
        Crossing slots of that engine.

    Raises
    ------
    ValueError
        If the tables do not fit together, or the engine; the message says which.
    """
    try:
        return _tables(state, handlers, n_slots)
    except ValueError as error:
        raise ValueError(f"the snapshot is damaged: {error}") from None


def _tables(state: Mapping[str, Any], handlers: Sequence[Any], n_slots: int) -> Tables:
    clock = state_number(state, "time", np.float64, 0.0, np.inf)
    tables: Tables = {
        "time": clock,
        "sequence": state_number(state, "sequence", np.int64, 0, 1 << SEQUENCE_BITS),
        "processed": state_number(state, "processed", np.int64, 0, LATEST),
        "events": _events(state_part(state, "events"), clock, handlers),
    }
    _tokens(state_part(state, "tokens"), state_part(state, "ticks"), tables)
    crossings = state_part(state, "crossings")
    slot = state_array(crossings, "slot", np.int32, None, 0, n_slots)
    _require(len(np.unique(slot)) == len(slot), "a crossing slot has two times")
    times = np.full(n_slots, np.inf)
    times[slot] = state_array(crossings, "time", np.float64, slot.shape, clock)
    tables["crossing_times"] = times
    order = tables["events"]["order"] & np.uint64((1 << SEQUENCE_BITS) - 1)
    _require(not len(order) or int(order.max()) < tables["sequence"], "an event is newer than the latest")
    return tables


def _require(condition: bool, wrong: str) -> None:
    if not condition:
        raise ValueError(wrong)


def _events(table: Mapping[str, Any], clock: float, handlers: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Return the columns of the events, each of which its handler can take."""
    time = state_array(table, "time", np.float64)
    columns = {"time": time}
    for name, dtype in (
        ("value", np.float64),
        ("order", np.uint64),
        ("handler", np.int32),
        ("unit", np.int32),
        ("slot", np.int32),
    ):
        columns[name] = state_array(table, name, dtype, time.shape, nan=name == "value")
    _require(bool((time >= clock).all()), "an event lies before the clock")
    for number in np.unique(columns["handler"]):
        _require(0 <= number < len(handlers), f"no handler has number {number}")
        allowed = handlers[number].unit_range()
        if allowed is None:
            continue
        mine = columns["handler"] == number
        units, values = columns["unit"][mine], columns["value"][mine]
        whose = type(handlers[number]).__name__
        _require(
            bool(((units >= allowed[0]) & (units < allowed[1])).all()), f"{whose} has no unit of an event"
        )
        _require(bool(np.isfinite(values).all()), f"the value of an event of {whose} is not finite")
    return columns


def _tokens(tokens: Mapping[str, Any], ticks: Mapping[str, Any], tables: Tables) -> None:
    """Check tokens and series of ticks, and put them into `tables`."""
    tick = state_array(tokens, "tick", np.int32, None, FREE)
    generation = state_array(tokens, "generation", np.uint32, tick.shape)
    free = state_array(tokens, "free", np.int32, None, 0, max(len(tick), 1))
    start = state_array(ticks, "start", np.float64)
    period = state_array(ticks, "period", np.float64, start.shape)
    count = state_array(ticks, "count", np.int64, start.shape, -1, LATEST)
    first_free = state_number(ticks, "free", np.int32, -1, max(len(start), 1))
    events = tables["events"]
    held = np.sort(events["slot"][events["slot"] >= 0])
    _require(bool((events["slot"] >= -1).all()), "an event has no such token")
    _require(np.array_equal(held, np.flatnonzero(tick != FREE)), "tokens and events differ")
    _require(np.array_equal(np.sort(free), np.flatnonzero(tick == FREE)), "free tokens are not those listed")
    live = tick[tick >= 0]
    _require(bool((live < len(start)).all()) and len(np.unique(live)) == len(live), "a series has two tokens")
    unused = []
    while first_free >= 0:
        _require(first_free < len(start) and first_free not in unused, "free series are no list")
        unused.append(first_free)
        first_free = int(count[first_free])
    _require(sorted([*live.tolist(), *unused]) == list(range(len(start))), "a series is lost")
    _require(
        # A series that starts at inf never begins; it is one all the same.
        bool((start[live] > -np.inf).all() and (period[live] > 0).all() and (count[live] >= 0).all()),
        "a series of ticks does not go on",
    )
    tables |= {"tick": tick, "generation": generation, "free_tokens": free}
    tables |= {"start": start, "period": period, "count": count, "free_tick": unused[0] if unused else -1}
