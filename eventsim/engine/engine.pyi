"""A discrete-event engine: a clock, a queue of events in total order, and handlers that receive them."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

H = TypeVar("H", bound="Handler")

class Event:
    """What a Python handler sees of an event."""

    @property
    def time(self) -> float: ...
    @property
    def value(self) -> float: ...
    @property
    def unit(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def handler(self) -> Handler: ...

class Handler:
    """Receives events and threshold crossings.

    Subclass it in Cython, overriding ``receive`` and ``cross``; in Python subclass `PythonHandler`,
    or give `Engine.register` a callable ``(engine, event)``. A handler with methods ``snapshot() ->
    dict | None`` and ``restore(dict)`` takes part in those of the engine.
    """

    def check_event(self, unit: int, value: float) -> None:
        """Raise ValueError or TypeError unless an event from outside can be handled."""
    def unit_range(self) -> tuple[int, int] | None:
        """Return the least unit that an event may have, and one past the greatest; None for any."""
    @property
    def id(self) -> int:
        """Index in the engine's table, -1 before registering."""
    @property
    def first_slot(self) -> int:
        """First crossing slot, -1 if none are reserved."""
    @property
    def n_slots(self) -> int:
        """Number of crossing slots."""

class PythonHandler(Handler):
    """A handler in Python: around a callable ``(engine, event)``, or subclassed with `on_event`.

    A subclass defines ``on_event(self, engine, time, unit, value)`` and, if it predicts crossings,
    ``on_cross(self, engine, time, unit)``. Both are looked up on the class when it is registered.

    Examples
    --------
    >>> import eventsim as es
    >>> class Logger(es.PythonHandler):
    ...     def __init__(self):
    ...         self.seen = []
    ...     def on_event(self, engine, time, unit, value):
    ...         self.seen.append((time, unit))
    >>> engine = es.Engine()
    >>> logger = engine.register(Logger())
    >>> token = engine.schedule(1.5, logger, unit=3)
    >>> engine.run()
    >>> logger.seen
    [(1.5, 3)]
    """

    def __init__(self, function: Callable[[Engine, Event], Any] | None = None) -> None: ...
    @property
    def function(self) -> Callable[[Engine, Event], Any] | None:
        """The wrapped callable."""

class Engine:
    """An event engine.

    Events are ordered by (time, priority, sequence of scheduling). Within one instant come events of
    priority <= 0, then predicted crossings by slot, then events of priority > 0; after each one the
    search starts anew. While compiled handlers run the GIL is released, so engines in different
    threads run in parallel; from another thread only `stop` may be called on a running engine.

    Parameters
    ----------
    max_events_per_instant : int
        How many events may be handled that were scheduled during the instant at which they happen,
        before the run is stopped as one that would never end.

    Examples
    --------
    >>> import eventsim as es
    >>> engine = es.Engine()
    >>> bell = engine.register(lambda engine, event: print(engine.now, event.unit))
    >>> token = engine.schedule(2.0, bell, unit=7)
    >>> engine.run(until=5.0)
    2.0 7
    >>> engine.now
    5.0
    """

    def __init__(self, max_events_per_instant: int = 1_000_000) -> None: ...
    @property
    def handlers(self) -> list[Handler]:
        """The handlers by id."""
    @property
    def now(self) -> float:
        """The clock."""
    @property
    def next_event_time(self) -> float:
        """Time of the next event or predicted crossing, inf if there is none. Looking changes nothing."""
    @property
    def pending(self) -> int:
        """Number of events that wait, with those at inf, and of predicted crossings."""
    @property
    def processed(self) -> int:
        """Number of events and crossings handled so far."""
    @property
    def scheduled(self) -> int:
        """Number of events put into the queue so far; predicted crossings are not in it."""
    @overload
    def register(self, handler: H) -> H: ...
    @overload
    def register(self, handler: Callable[[Engine, Event], Any]) -> PythonHandler:
        """Take a handler into the engine's table; registered again it stays the same.

        Raises
        ------
        TypeError
            If it is neither a `Handler` nor callable, or a `PythonHandler` with nothing to call.
        ValueError
            If it belongs to another engine.
        """
    def unregister(self, handler: Handler | Callable[[Engine, Event], Any]) -> None:
        """Forget a handler in Python, so that it and what it refers to can be freed.

        Cancel its events first: one that comes all the same ends the run with an error.

        Raises
        ------
        TypeError, ValueError
            If it is not registered here, is compiled, or has crossing slots.
        """
    def close(self, why: str) -> None:
        """Refuse everything from now on, for this reason: nobody runs this engine any more."""
    def schedule(
        self, time: float, handler: Handler, unit: int = 0, value: float = 0.0, priority: int = 0
    ) -> int:
        """Schedule an event; returns a token for `cancel`.

        Parameters
        ----------
        time : float
            When it happens; not before `now`. inf means never (it stays and can be cancelled).
        handler : Handler
            Who receives it; from `register`.
        unit, value : int, float
            Passed on.
        priority : int
            Order among events of one time: lower first; those above 0 come after threshold crossings.

        Raises
        ------
        EventOrderError
            If the time is before `now` or not a number.
        """
    def every(
        self,
        period: float,
        handler: Handler,
        start: float | None = None,
        priority: int = 1,
        unit: int = 0,
        value: float = 0.0,
    ) -> int:
        """Schedule ticks at ``start + k * period``, k = 0, 1, 2, ..., computed by multiplication.

        `start` is `now` if not given. Returns a token with which `cancel` ends the series.

        Raises
        ------
        ValueError
            If the period is not positive and finite.
        EventOrderError
            If `start` is before `now` or not a number.
        """
    def cancel(self, token: int) -> bool:
        """Cancel what `schedule` or `every` returned this token for; True if it was still pending."""
    def reserve(self, handler: Handler, n: int) -> int:
        """Reserve n slots for predicted crossings of a registered handler; returns the first.

        Unit u of the handler has slot first + u. Crossings at one time come in order of slots.
        """
    def predict(self, slot: int, time: float) -> int:
        """Set the one predicted crossing of a slot, replacing the one before; inf removes it.

        Raises
        ------
        EventOrderError
            If the time is before the clock or not a number.
        IndexError
            If the slot was not reserved.
        """
    def step(self) -> bool:
        """Handle one event or crossing; False if there was none."""
    def run(self, until: float | None = None, inclusive: bool = False) -> None:
        """Handle the events in [now, until), and leave the clock at `until`.

        Parameters
        ----------
        until : float, optional
            Without it, or with inf, runs until nothing is left and the clock stays at the last event.
        inclusive : bool
            Also handle the events at `until`.

        Raises
        ------
        EventOrderError
            If `until` is before `now` or not a number, or events follow each other without end at one time.
        RuntimeError
            If called from a handler.

        Notes
        -----
        What a handler raises ends the run and reaches the caller, with the clock at the failing event
        and that event consumed. The engine can go on from there.
        """
    def stop(self) -> None:
        """End the present run after the event that is being handled; the clock stays there."""
    def pending_of(self, handler: Handler) -> tuple[Any, Any, Any]:
        """Return the events of a handler that wait, in order: arrays (time, unit, value)."""
    def relabel(self, handler: Handler, units: Any, times: Any = (), values: Any = ()) -> None:
        """Let the events of a handler that wait, in the order of `pending_of`, be for other units.

        Units beyond these are of new events, at `times` and with `values`.
        """
    def snapshot(self) -> dict[str, Any]:
        """Return the state as a nested dict of arrays, numbers and strings.

        It holds the clock, all events, tokens, series of ticks and predictions, and what the handlers'
        own ``snapshot()`` return, for those that have one. After `restore` the run goes on to the same
        bits. Handlers themselves are not in it: restore into an engine with the same ones registered.
        """
    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `snapshot` returned.

        Raises
        ------
        ValueError
            If it was taken with other handlers or crossing slots, or is damaged; nothing has changed then.
        RuntimeError
            If called from a handler.
        """
    def reset(self) -> None:
        """Back to time 0 with nothing scheduled; handlers and their crossing slots stay registered.

        Tokens given out before are spent. The handlers' own states are theirs to reset.
        """
    def queue_layout(self) -> tuple[int, int, int, int, int]:
        """How many events are in the heap, in buckets, beyond them, at inf, and the number of buckets."""
    def verify(self) -> None:
        """Check the invariants of queue and crossings; raises AssertionError naming the one that fails."""
