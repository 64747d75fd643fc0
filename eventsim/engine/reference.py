"""The engine in plain Python: the specification, and the oracle of the tests.

The future is a dictionary sorted by (time, priority, sequence) and a list of predicted crossings
sorted by (time, slot). Within one instant come, in order: events of priority <= 0, crossings,
events of priority > 0; after each one the search starts anew. `Engine` does the same, faster.
"""

import copy
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sortedcontainers import SortedDict, SortedList

from eventsim.errors import EventOrderError
from eventsim.states import check_entries

LEAST_PRIORITY, GREATEST_PRIORITY = -(2**15), 2**15 - 1


@dataclass(frozen=True, slots=True)
class ReferenceEvent:
    """What a handler sees of an event."""

    time: float
    unit: int
    value: float
    priority: int
    handler: Any


@dataclass(eq=False, slots=True)
class Registered:
    """A handler in the engine's table: around a callable, or around an object with `on_event`."""

    target: Any
    id: int
    first_slot: int = -1
    n_slots: int = 0

    @property
    def name(self) -> str:
        """The name by which messages call the handler."""
        if hasattr(self.target, "on_event"):
            return type(self.target).__name__
        return str(getattr(self.target, "__qualname__", type(self.target).__name__))


@dataclass(slots=True)
class Waiting:
    """An event that has not come yet; one of a series of ticks also knows the series."""

    handler: int
    unit: int
    value: float
    token: int
    start: float = 0.0
    period: float = 0.0  # 0 for a single event
    count: int = 0  # number of this tick: its time is start + count * period


@dataclass(slots=True)
class State:
    """Everything that changes as time goes on; a snapshot is a copy of it."""

    now: float = 0.0
    sequence: int = 0
    processed: int = 0
    next_token: int = 1
    events: SortedDict = field(default_factory=SortedDict)  # (time, priority, sequence) -> Waiting
    keys: dict[int, tuple[float, int, int]] = field(default_factory=dict)  # token -> key in `events`
    crossings: SortedList = field(default_factory=SortedList)  # (time, slot)
    predicted: dict[int, float] = field(default_factory=dict)  # slot -> time


class ReferenceEngine:
    """A slow engine with the interface of `Engine`, for handlers in Python.

    Parameters
    ----------
    max_events_per_instant : int
        How many events may be handled that were scheduled during the instant at which they happen.
    """

    def __init__(self, max_events_per_instant: int = 1_000_000) -> None:
        if max_events_per_instant < 1:
            raise ValueError(f"max_events_per_instant must be at least 1, got {max_events_per_instant}")
        self._limit = max_events_per_instant
        self._handlers: list[Registered] = []
        self._owners: list[Registered] = []  # of each crossing slot
        self._state = State()
        self._running = self._stopping = False
        self._instant_sequence = self._n_instant = self._n_crossed = 0

    # ---- handlers

    def register(self, handler: Any) -> Any:
        """Take a handler into the table; registered again it stays the same."""
        if isinstance(handler, Registered):
            return self._own(handler)
        for known in self._handlers:
            if known.target is handler or known.target == handler:
                return known
        if not (callable(handler) or hasattr(handler, "on_event") or hasattr(handler, "on_cross")):
            raise TypeError(f"a handler must be callable or have on_event, got {handler!r}")
        self._handlers.append(Registered(handler, len(self._handlers)))
        return self._handlers[-1]

    def reserve(self, handler: Registered, n: int) -> int:
        """Reserve n slots for predicted crossings of a handler; returns the first."""
        self._own(handler)
        if n < 0:
            raise ValueError(f"the number of slots must not be negative, got {n}")
        if handler.first_slot >= 0:
            raise ValueError(f"{handler.name} has {handler.n_slots} crossing slots already")
        handler.first_slot, handler.n_slots = len(self._owners), n
        self._owners += [handler] * n
        return handler.first_slot

    def _own(self, handler: Any) -> Registered:
        if not isinstance(handler, Registered):
            raise TypeError(f"expected a handler that register returned, got {handler!r}")
        if handler.id >= len(self._handlers) or self._handlers[handler.id] is not handler:
            raise ValueError(f"{handler.name} belongs to another engine; register a new handler here")
        return handler

    # ---- scheduling

    def schedule(
        self, time: float, handler: Registered, unit: int = 0, value: float = 0.0, priority: int = 0
    ) -> int:
        """Schedule an event; returns a token for `cancel`."""
        self._check(time, self._own(handler), unit, priority)
        return self._put(time, priority, Waiting(handler.id, unit, value, self._new_token()))

    def every(
        self,
        period: float,
        handler: Registered,
        start: float | None = None,
        priority: int = 1,
        unit: int = 0,
        value: float = 0.0,
    ) -> int:
        """Schedule ticks at ``start + k * period``; returns a token with which `cancel` ends them."""
        self._own(handler)
        if not 0 < period < math.inf:
            raise ValueError(f"period must be positive and finite, got {period!r}")
        first = self._state.now if start is None else start
        self._check(first, handler, unit, priority)
        return self._put(first, priority, Waiting(handler.id, unit, value, self._new_token(), first, period))

    def cancel(self, token: int) -> bool:
        """Cancel an event or a series of ticks; True if it was still pending."""
        key = self._state.keys.pop(token, None)
        if key is None:
            return False
        del self._state.events[key]
        return True

    def predict(self, slot: int, time: float) -> None:
        """Set the one predicted crossing of a slot, replacing the one before; inf removes it."""
        if not 0 <= slot < len(self._owners):
            raise IndexError(f"crossing slot {slot} does not exist; {len(self._owners)} are reserved")
        self._check(time, self._owners[slot], slot, 0)
        self._clear_slot(slot)
        if time < math.inf:
            self._state.predicted[slot] = time
            self._state.crossings.add((time, slot))

    def _check(self, time: float, handler: Registered, unit: int, priority: int) -> None:
        if not time >= self._state.now:
            what = "is not a number" if math.isnan(time) else f"is before the clock at {self._state.now!r}"
            raise EventOrderError(f"event time {time!r} {what} (unit {unit}, handler {handler.name})")
        if not LEAST_PRIORITY <= priority <= GREATEST_PRIORITY:
            raise ValueError(f"priority must be from {LEAST_PRIORITY} to {GREATEST_PRIORITY}, got {priority}")

    def _new_token(self) -> int:
        self._state.next_token += 1
        return self._state.next_token - 1

    def _put(self, time: float, priority: int, event: Waiting) -> int:
        key = (time, priority, self._state.sequence)
        self._state.sequence += 1
        self._state.events[key] = event
        self._state.keys[event.token] = key
        return event.token

    def _clear_slot(self, slot: int) -> None:
        before = self._state.predicted.pop(slot, None)
        if before is not None:
            self._state.crossings.remove((before, slot))

    # ---- running

    @property
    def now(self) -> float:
        """The clock."""
        return self._state.now

    @property
    def pending(self) -> int:
        """Number of events that wait, with those at inf, and of predicted crossings."""
        return len(self._state.events) + len(self._state.crossings)

    @property
    def processed(self) -> int:
        """Number of events and crossings handled so far."""
        return self._state.processed

    @property
    def next_event_time(self) -> float:
        """Time of the next event or crossing, inf if there is none."""
        first_event = self._state.events.keys()[0][0] if self._state.events else math.inf
        first_crossing = self._state.crossings[0][0] if self._state.crossings else math.inf
        return float(min(first_event, first_crossing))

    def step(self) -> bool:
        """Handle one event or crossing; False if there was none."""
        return self._go(math.inf, 1) > 0

    def run(self, until: float | None = None, inclusive: bool = False) -> None:
        """Handle the events in [now, until), with `inclusive` also those at `until`."""
        end = math.inf if until is None else until
        if not end >= self._state.now:
            raise EventOrderError(f"cannot run until {end!r}: the clock is at {self._state.now!r} already")
        self._go(math.nextafter(end, math.inf) if inclusive else end, sys.maxsize)
        if not self._stopping and end < math.inf:
            self._state.now = end

    def stop(self) -> None:
        """End the present run after the event that is being handled."""
        self._stopping = True

    def _go(self, limit: float, n: int) -> int:
        if self._running:
            raise RuntimeError("the engine is running already; a handler may not run or step it")
        self._running, self._stopping = True, False
        self._begin_instant()
        handled = 0
        try:
            while handled < n and not self._stopping and self.next_event_time < limit:
                handled += 1
                self._handle_next()
        finally:
            self._running = False
        return handled

    def _begin_instant(self) -> None:
        """Events with this sequence or a later one are scheduled during the instant."""
        self._instant_sequence = self._state.sequence
        self._n_instant = self._n_crossed = 0

    def _handle_next(self) -> None:
        state = self._state
        time = self.next_event_time
        if time > state.now:
            state.now = time
            self._begin_instant()
        state.processed += 1
        event_time, priority, sequence = state.events.keys()[0] if state.events else (math.inf, 0, 0)
        crossing_time = state.crossings[0][0] if state.crossings else math.inf
        if event_time == time and (priority <= 0 or crossing_time > time):
            self._handle_event(priority, sequence)
        else:
            self._handle_crossing(state.crossings[0][1])

    def _handle_event(self, priority: int, sequence: int) -> None:
        time = self._state.now
        event = self._state.events.pop((time, priority, sequence))
        del self._state.keys[event.token]
        if event.period:  # the series goes on before the handler is called, so the handler can end it
            following = copy.copy(event)
            following.count += 1
            self._put(event.start + following.count * event.period, priority, following)
        handler = self._handlers[event.handler]
        self._n_instant += sequence >= self._instant_sequence
        if self._n_instant > self._limit:
            self._fail_instant(handler)
        if hasattr(handler.target, "on_event"):
            handler.target.on_event(self, time, event.unit, event.value)
        else:
            handler.target(self, ReferenceEvent(time, event.unit, event.value, priority, handler))

    def _handle_crossing(self, slot: int) -> None:
        handler = self._owners[slot]
        self._clear_slot(slot)
        self._n_crossed += 1
        if self._n_crossed > self._limit + len(self._owners):
            self._fail_instant(handler)
        on_cross: Callable[..., None] | None = getattr(handler.target, "on_cross", None)
        if on_cross is None:
            raise TypeError(f"{handler.name} does not handle crossings; it needs on_cross")
        on_cross(self, self._state.now, slot - handler.first_slot)

    def _fail_instant(self, handler: Registered) -> None:
        raise EventOrderError(
            f"more than {self._limit} events at time {self._state.now!r} were scheduled within that "
            f"instant, the last for handler {handler.name}: time does not advance"
        )

    # ---- the whole state

    def snapshot(self) -> dict[str, Any]:
        """Return the state as a nested dict of arrays, numbers and strings."""
        state = self._state
        events = [
            (*key, *(getattr(e, name) for name in Waiting.__slots__)) for key, e in state.events.items()
        ]
        names = ("time", "priority", "sequence", *Waiting.__slots__)
        parts = {str(h.id): h.target.snapshot() for h in self._handlers if hasattr(h.target, "snapshot")}
        return {
            "now": state.now,
            "sequence": state.sequence,
            "processed": state.processed,
            "next_token": state.next_token,
            "events": {name: np.array([event[i] for event in events]) for i, name in enumerate(names)},
            "crossings": {
                "slot": np.array(list(state.predicted), dtype=np.int64),
                "time": np.array(list(state.predicted.values()), dtype=np.float64),
            },
            "handlers": {key: part for key, part in parts.items() if part is not None},
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a state that `snapshot` returned; raises ValueError if it is none."""
        self._check_idle("restore")
        names = ("now", "sequence", "processed", "next_token", "events", "crossings", "handlers")
        check_entries(snapshot, names, "an engine", "snapshot")
        check_entries(
            snapshot["events"], ("time", "priority", "sequence", *Waiting.__slots__), "events", "snapshot"
        )
        check_entries(snapshot["crossings"], ("slot", "time"), "crossings", "snapshot")
        check_entries(snapshot["handlers"], (), "handlers", "snapshot")
        state = State(snapshot["now"], snapshot["sequence"], snapshot["processed"], snapshot["next_token"])
        columns = snapshot["events"]
        for i in range(len(columns["time"])):
            key = tuple(columns[name][i].item() for name in ("time", "priority", "sequence"))
            event = Waiting(*(columns[name][i].item() for name in Waiting.__slots__))
            state.events[key] = event
            state.keys[event.token] = key
        for slot, time in zip(*(column.tolist() for column in snapshot["crossings"].values()), strict=True):
            state.predicted[slot] = time
            state.crossings.add((time, slot))
        self._state = state
        for key, part in snapshot["handlers"].items():
            self._handlers[int(key)].target.restore(part)

    def reset(self) -> None:
        """Back to time 0 with nothing scheduled; handlers and their slots stay registered."""
        self._check_idle("reset")
        self._state = State(next_token=self._state.next_token)

    def verify(self) -> None:
        """Check that what waits is known by token and by slot, and is not in the past."""
        state = self._state
        assert {event.token: key for key, event in state.events.items()} == state.keys
        assert {slot: time for time, slot in state.crossings} == state.predicted
        assert self.next_event_time >= state.now

    def _check_idle(self, what: str) -> None:
        if self._running:
            raise RuntimeError(f"the engine is running; {what} is possible between runs only")
