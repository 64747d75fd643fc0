# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, embedsignature=False
# distutils: extra_compile_args = -O3
"""A discrete-event engine: a clock, a queue of events in total order, and handlers that receive them.

Events are ordered by (time, priority, sequence of scheduling). Within one instant come, in order,
events of priority <= 0, predicted threshold crossings by slot, events of priority > 0; after anything
is handled the search starts at the first of these again. `reference.py` says the same in plain Python.

While handlers in C run the GIL is released; consecutive events of Python handlers keep it.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.number cimport PyNumber_Index
from libc.math cimport INFINITY, isfinite, isnan, nextafter
from libc.stdint cimport INT64_MAX
from libc.stdlib cimport free

from eventsim.kernels.memory cimport resized
from eventsim.queue.queue cimport SINGLE, Tick
from eventsim.queue.tables cimport queue_of, tables_of

from collections.abc import Mapping
from time import perf_counter

from eventsim.errors import EventOrderError
from eventsim.queue.verification import verify

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object o)
    unsigned long PyThread_get_thread_ident() noexcept nogil

cdef enum:
    PRIORITY_RANGE = 1 << 15        # priorities are in [-2**15, 2**15)
    SIGNAL_EVERY = 1 << 10          # Python events between two looks for Ctrl-C
    FIRST_CHUNK = 1 << 8            # C events before the first one; chunks then grow to
    LAST_CHUNK = 1 << 20            # this many, as long as they take less than
    FIRST_LOOK = 1 << 10            # unregistered handlers before the queue is looked through for their events

cdef double CHUNK_SECONDS = 0.05    # (wall time)
cdef uint64_t SEQUENCE = (<uint64_t> 1 << 48) - 1
cdef uint64_t LATE = (<uint64_t> (PRIORITY_RANGE + 1)) << 48    # orders from here on come after crossings

cdef enum:          # what comes next
    NOTHING = 0
    EVENT = 1
    CROSSING = 2

cdef enum:          # why a stretch of events ended
    DONE = 0        # nothing left before the limit, or stopped
    SWITCH = 1      # the next handler is of the other kind
    PAUSE = 2       # as many as were asked for


cdef class Handler:
    """Receives events and threshold crossings.

    Subclass it in Cython, overriding `receive` and, for predicted crossings, `cross`; in Python subclass
    `PythonHandler`, or give `Engine.register` a callable ``(engine, event)``.
    """

    def __cinit__(self, *args, **kwargs):
        self.id = self.first_slot = -1

    def check_event(self, int unit, double value):
        """Raise ValueError or TypeError unless an event from outside, with this unit and value, can be handled."""
        allowed = self.unit_range()
        if allowed is None:
            return
        if not allowed[0] <= unit < allowed[1]:
            raise ValueError(
                f"{describe(self)} has units {allowed[0]}..{allowed[1] - 1}, got an event for unit {unit}")
        if not isfinite(value):
            raise ValueError(f"the value of an event for {describe(self)} must be finite, got {value!r}")

    def unit_range(self):
        """Return the least unit that an event may have, and one past the greatest; None for any."""

    def __reduce__(self):
        raise TypeError(f"{describe(self)} belongs to its engine and cannot be pickled or copied; pickle the "
                        "Simulation, or keep its snapshot()")

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} does not receive events; "
                                      "override receive() in Cython, or subclass PythonHandler")

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} does not handle crossings; "
                                      "override cross() in Cython or on_cross() of a PythonHandler")


cdef class PythonHandler(Handler):
    """A handler in Python: around a callable ``(engine, event)``, or subclassed with `on_event`.

    Parameters
    ----------
    function : callable, optional
        Called with the engine and the `Event`. A subclass has methods instead:
        ``on_event(self, engine, time, unit, value)`` and, for predicted crossings,
        ``on_cross(self, engine, time, unit)``, looked up on the class when it is registered.

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

    def __init__(self, function=None):
        if function is not None and not callable(function):
            raise TypeError(f"a handler must be callable, got {function!r}")
        self.function = function

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        with gil:
            return self.call(engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        with gil:
            return self.call_cross(engine, unit, time)

    cdef int call(self, Engine engine, const Event *event) except -1:
        cdef EventView view
        if self.event_method is not None:
            self.event_method(self, engine, event.time, event.unit, event.value)
            return 0
        view = <EventView> engine.view
        if view is None or Py_REFCNT(view) > 2:  # somebody kept the last one
            view = EventView.__new__(EventView)
            engine.view = view
        view.time = event.time
        view.value = event.value
        view.unit = event.unit
        view.priority = <int> (event.order >> 48) - PRIORITY_RANGE
        view.handler = self
        self.function(engine, view)
        return 0

    cdef int call_cross(self, Engine engine, int unit, double time) except -1:
        if self.cross_method is None:
            raise TypeError(f"{describe(self)} does not handle crossings; subclass it with on_cross")
        self.cross_method(self, engine, time, unit)
        return 0


@cython.final
@cython.freelist(64)
cdef class EventView:
    """What a Python handler sees of an event.

    Attributes
    ----------
    time, value : float
    unit, priority : int
    handler : Handler
    """

    cdef readonly double time
    cdef readonly double value
    cdef readonly int unit
    cdef readonly int priority
    cdef readonly Handler handler

    def __repr__(self):
        return (f"Event(time={self.time!r}, unit={self.unit}, value={self.value!r}, "
                f"priority={self.priority}, handler={describe(self.handler)})")


def unregistered(engine, event):
    """Stand in for a handler that was unregistered."""
    raise EventOrderError(f"an event at {event.time!r} (unit {event.unit}) is for a handler that was "
                          "unregistered; cancel its events first")


# The name belongs to the C struct inside this module.
globals()["Event"] = EventView


def describe(handler):
    """Return the name by which messages call a handler."""
    function = handler.function if isinstance(handler, PythonHandler) else None
    if function is None:
        return type(handler).__name__
    return getattr(function, "__qualname__", None) or type(function).__name__


def state_method(handler, name):
    """Return the bound method `name` of a handler, or of the object it wraps, or None."""
    method = getattr(handler, name, None)
    if method is None and isinstance(handler, PythonHandler) and handler.function is not None:
        method = getattr(handler.function, name, None)
    return method


cdef PythonHandler GONE = PythonHandler(unregistered)
GONE.id = -2    # of no engine


def names_of(handlers):
    """Return how messages call the handlers that a state needs: all, but for unregistered ones at the end."""
    n = len(handlers)
    while n and handlers[n - 1] is GONE:
        n -= 1
    return [describe(handler) for handler in handlers[:n]]


cdef int fail_order(Engine engine, double time, int unit, int handler) except -1 with gil:
    name = describe(engine.handlers[handler])
    what = "is not a number" if isnan(time) else f"is before the clock at {engine.time!r}"
    raise EventOrderError(f"event time {time!r} {what} (unit {unit}, handler {name}); "
                          "schedule at now or later, inf for never")


cdef int fail_arguments(Engine engine, int handler, int priority) except -1 with gil:
    if not 0 <= handler < engine.n_handlers:
        raise ValueError(f"no handler has id {handler}; {engine.n_handlers} are registered")
    raise ValueError(f"priority must be from {-PRIORITY_RANGE} to {PRIORITY_RANGE - 1}, got {priority}")


cdef int fail_slot(Engine engine, int slot) except -1 with gil:
    raise IndexError(f"crossing slot {slot} does not exist; {engine.crossings.n_slots} are reserved")


cdef int fail_instant(Engine engine, int handler) except -1 with gil:
    entry = engine.handlers[handler]
    name = describe(entry) + (f" {entry.name!r}" if getattr(entry, "name", "") else "")
    raise EventOrderError(f"more than {engine.max_events_per_instant} events at time {engine.time!r} were "
                          f"scheduled within it, the last for handler {name}: time does not advance")


cdef class Engine:
    """An event engine.

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

    def __cinit__(self, max_events_per_instant=1_000_000):
        if max_events_per_instant < 1:
            raise ValueError(f"max_events_per_instant must be at least 1, got {max_events_per_instant}")
        self.max_events_per_instant = max_events_per_instant
        self.queue = EventQueue()
        self.crossings = CrossingHeap()
        self.handlers = []
        self.wrappers = {}
        self.gone, self.unused = [], []
        self.look_at = FIRST_LOOK

    def __dealloc__(self):
        free(self.table)
        free(self.owners)

    def __reduce__(self):
        raise TypeError("an engine cannot be pickled or copied, since its handlers are not its own; keep "
                        "snapshot(), and restore it into an engine with the same handlers")

    def __repr__(self):
        return f"<Engine at time {self.time!r}, {self.pending} pending, {self.n_processed} processed>"

    # ---- handlers

    def register(self, handler):
        """Take a handler into the engine's table; registered again it stays the same.

        Parameters
        ----------
        handler : Handler or callable
            A callable ``(engine, event)`` is wrapped in a `PythonHandler`.

        Returns
        -------
        Handler
            What `schedule` and `every` accept.

        Raises
        ------
        TypeError
            If it is neither, or a `PythonHandler` without callable and without `on_event`.
        ValueError
            If it belongs to another engine.
        """
        cdef Handler entry
        cdef PythonHandler python
        self.check_free()
        if isinstance(handler, Handler):
            entry = <Handler> handler
            if entry.id >= 0:
                self.check_owned(entry)
                return entry
        elif callable(handler):
            # Bound methods are new objects each time, but equal.
            try:
                key = handler
                known = self.wrappers.get(key)
            except TypeError:
                key = id(handler)
                known = self.wrappers.get(key)
            if known is not None:
                return known
            entry = PythonHandler(handler)
            self.wrappers[key] = entry
        else:
            raise TypeError(f"a handler must be a Handler or a callable (engine, event), got {handler!r}")
        if isinstance(entry, PythonHandler):
            python = <PythonHandler> entry
            if python.function is None:
                python.event_method = getattr(type(python), "on_event", None)
                python.cross_method = getattr(type(python), "on_cross", None)
                if python.event_method is None and python.cross_method is None:
                    raise TypeError(f"{type(python).__name__} needs a callable, or a method "
                                    "on_event(self, engine, time, unit, value)")
        if self.unused:
            entry.id = self.unused.pop()
            self.handlers[entry.id] = entry
            self.table[entry.id].handler = <void *> entry
            self.table[entry.id].python = isinstance(entry, PythonHandler)
            return entry
        if self.n_handlers == self.table_capacity:
            self.table = <Entry *> resized(self.table, 2 * self.table_capacity + 8, sizeof(Entry), b"handlers")
            self.table_capacity = 2 * self.table_capacity + 8
        self.handlers.append(entry)
        self.table[self.n_handlers].handler = <void *> entry
        self.table[self.n_handlers].python = isinstance(entry, PythonHandler)
        entry.id = self.n_handlers
        self.n_handlers += 1
        return entry

    def unregister(self, handler):
        """Forget a handler in Python, so that it and what it refers to can be freed.

        Cancel its events first: one that comes all the same ends the run with an error.

        Parameters
        ----------
        handler : Handler or callable
            As it was registered, or as `register` returned it.

        Raises
        ------
        TypeError, ValueError
            If it is not registered here, is compiled, or has crossing slots.
        """
        cdef Handler entry
        cdef int at
        self.check_free()
        if not isinstance(handler, Handler):
            try:
                known = self.wrappers.get(handler)
            except TypeError:
                known = self.wrappers.get(id(handler))
            handler = handler if known is None else known
        self.check_owned(handler)
        entry = <Handler> handler
        if not isinstance(entry, PythonHandler) or entry.first_slot >= 0:
            raise TypeError(f"{describe(entry)} stays for the life of its engine; only handlers in Python without "
                            "crossing slots can be unregistered")
        function = (<PythonHandler> entry).function
        if function is not None:
            try:
                self.wrappers.pop(function, None)
            except TypeError:
                self.wrappers.pop(id(function), None)
        at = entry.id
        self.handlers[at] = GONE
        self.table[at].handler = <void *> GONE
        entry.id = -1
        self.gone.append(at)
        if len(self.gone) >= self.look_at:
            self.reclaim()

    cdef int reclaim(self) except -1:
        """Give back the ids of unregistered handlers for which no event waits."""
        cdef Py_ssize_t i, n = self.queue.size()
        cdef Event *events = <Event *> resized(NULL, n, sizeof(Event), b"events")
        self.queue.copy_events(events)
        waited_for = {events[i].handler for i in range(n)}
        free(events)
        self.unused += [at for at in self.gone if at not in waited_for]
        self.gone = [at for at in self.gone if at in waited_for]
        # Looking takes as long as the queue: not again before as many are gone as wait.
        self.look_at = len(self.gone) + max(FIRST_LOOK, n)
        return 0

    def close(self, str why not None):
        """Refuse everything from now on, for this reason: nobody runs this engine any more."""
        self.check_idle("close")
        self.closed = why

    cpdef int reserve(self, Handler handler, int n) except -1:
        """Reserve n slots for predicted crossings of a registered handler; returns the first.

        Unit u of the handler has slot first + u. Crossings at one time come in order of slots.

        Raises
        ------
        ValueError
            If n is negative, or the handler is not registered here or has slots already.
        """
        cdef int first = self.crossings.n_slots
        cdef int slot
        cdef int32_t *owners
        self.check_free()
        self.check_owned(handler)
        if n < 0:
            raise ValueError(f"the number of slots must not be negative, got {n}")
        if handler.first_slot >= 0:
            raise ValueError(f"{describe(handler)} has {handler.n_slots} crossing slots already")
        owners = <int32_t *> resized(self.owners, <size_t> first + n, sizeof(int32_t), b"crossing slots")
        self.owners = owners
        self.crossings.grow(n)
        for slot in range(first, first + n):
            owners[slot] = handler.id
        handler.first_slot = first
        handler.n_slots = n
        return first

    cdef int check_free(self) except -1:
        """Refuse calls from a second thread while the engine runs."""
        if self.running and self.thread != PyThread_get_thread_ident():
            raise RuntimeError("the engine is running in another thread; only stop() may be called from here")
        if self.closed is not None:
            raise RuntimeError(self.closed)
        return 0

    cdef int check_owned(self, handler) except -1:
        cdef int at
        if isinstance(handler, Handler):
            at = (<Handler> handler).id
            if 0 <= at < self.n_handlers and self.table[at].handler == <void *> handler:
                return 0
            if at >= 0:
                raise ValueError(f"{describe(handler)} belongs to another engine; register a new one here")
        raise TypeError(f"expected a handler that Engine.register returned, got {handler!r}")

    # ---- scheduling

    cdef int push(self, double time, int handler, int unit, double value, int priority) except -1 nogil:
        if not time >= self.time:
            return fail_order(self, time, unit, handler)
        if <unsigned int> handler >= <unsigned int> self.n_handlers or \
                <unsigned int> (priority + PRIORITY_RANGE) >= 2 * PRIORITY_RANGE:
            return fail_arguments(self, handler, priority)
        self.queue.push(time, value, <uint64_t> (priority + PRIORITY_RANGE) << 48 | self.sequence,
                        handler, unit, -1)
        self.sequence += 1
        return 0

    cdef uint64_t push_cancellable(self, double time, int handler, int unit, double value,
                                   int priority) except? 0 nogil:
        cdef int32_t slot
        if not time >= self.time:
            fail_order(self, time, unit, handler)
        if <unsigned int> handler >= <unsigned int> self.n_handlers or \
                <unsigned int> (priority + PRIORITY_RANGE) >= 2 * PRIORITY_RANGE:
            fail_arguments(self, handler, priority)
        slot = self.queue.take_token(SINGLE)
        self.queue.push(time, value, <uint64_t> (priority + PRIORITY_RANGE) << 48 | self.sequence,
                        handler, unit, slot)
        self.sequence += 1
        return self.queue.token(slot)

    cpdef int predict(self, int slot, double time) except -1 nogil:
        """Set the one predicted crossing of a slot, replacing the one before; inf removes it.

        Raises
        ------
        EventOrderError
            If the time is before the clock or not a number.
        IndexError
            If the slot was not reserved.
        """
        if <unsigned int> slot >= <unsigned int> self.crossings.n_slots:
            return fail_slot(self, slot)
        if not time >= self.time:
            return fail_order(self, time, slot, self.owners[slot])
        self.crossings.set(slot, time)
        return 0

    def schedule(self, double time, handler, unit=0, double value=0.0, int priority=0):
        """Schedule an event.

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

        Returns
        -------
        int
            A token for `cancel`.

        Raises
        ------
        EventOrderError
            If the time is before `now` or not a number.
        ValueError, TypeError
            If the handler has no such unit, or takes no events from outside.
        """
        cdef int number = unit if type(unit) is int else PyNumber_Index(unit)  # 0.5 is no unit
        if self.running:
            if self.thread != PyThread_get_thread_ident():
                self.check_free()
        elif self.closed is not None:
            self.check_free()
        self.check_owned(handler)
        if not self.table[(<Handler> handler).id].python:
            handler.check_event(number, value)
        return self.push_cancellable(time, (<Handler> handler).id, number, value, priority)

    def every(self, double period, handler, start=None, int priority=1, unit=0, double value=0.0):
        """Schedule ticks at ``start + k * period``, k = 0, 1, 2, ..., computed by multiplication.

        Parameters
        ----------
        period : float
            Positive and finite.
        handler : Handler
        start : float, optional
            Time of the first tick; `now` if not given.
        priority : int
            By default 1: ticks come after everything else at their time.
        unit, value : int, float
            Passed on with each tick.

        Returns
        -------
        int
            A token with which `cancel` ends the series.
        """
        cdef double first = self.time if start is None else start
        cdef int32_t tick, slot
        cdef int id, number = PyNumber_Index(unit)
        self.check_free()
        self.check_owned(handler)
        id = (<Handler> handler).id
        if not self.table[id].python:
            handler.check_event(number, value)
        if not 0 < period < INFINITY:
            raise ValueError(f"period must be positive and finite, got {period!r}")
        if not first >= self.time:
            fail_order(self, first, number, id)
        if not -PRIORITY_RANGE <= priority < PRIORITY_RANGE:
            fail_arguments(self, id, priority)
        tick = self.queue.take_tick(first, period)
        slot = self.queue.take_token(tick)
        self.queue.push(first, value, <uint64_t> (priority + PRIORITY_RANGE) << 48 | self.sequence,
                        id, number, slot)
        self.sequence += 1
        return self.queue.token(slot)

    def cancel(self, token):
        """Cancel what `schedule` or `every` returned this token for; True if it was still pending."""
        self.check_free()
        return True if self.queue.cancel(token) else False

    # ---- running

    @property
    def now(self):
        """The clock."""
        return self.time

    @property
    def next_event_time(self):
        """Time of the next event or predicted crossing, inf if there is none. Looking changes nothing."""
        cdef const Event *event
        self.check_free()
        event = self.queue.peek()
        if event != NULL and event.time < self.crossings.top_time:
            return event.time
        return self.crossings.top_time

    @property
    def pending(self):
        """Number of events that wait, with those at inf, and of predicted crossings."""
        return self.queue.size() - self.queue.n_dead + self.crossings.n_predicted

    @property
    def processed(self):
        """Number of events and crossings handled so far."""
        return self.n_processed

    @property
    def scheduled(self):
        """Number of events put into the queue so far; predicted crossings are not in it."""
        return self.sequence

    def step(self):
        """Handle one event or crossing; False if there was none."""
        cdef int64_t before = self.n_processed
        self.go(INFINITY, 1)
        return self.n_processed > before

    def run(self, until=None, bint inclusive=False):
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
        cdef double end = INFINITY if until is None else until
        if not end >= self.time:
            raise EventOrderError(f"cannot run until {end!r}: the clock is at {self.time!r} already")
        if self.go(nextafter(end, INFINITY) if inclusive else end, INT64_MAX) == DONE \
                and not self.stopping and end < INFINITY:
            self.time = end

    def stop(self):
        """End the present run after the event that is being handled; the clock stays there."""
        self.stopping = True

    # ---- the whole state

    def snapshot(self):
        """Return the state as a nested dict of arrays, numbers and strings.

        It holds the clock, all events, tokens, series of ticks and predictions, and what the handlers'
        own ``snapshot()`` return, for those that have one. After `restore` the run goes on to the same
        bits. Handlers themselves are not in it: restore into an engine with the same ones registered.
        """
        import numpy as np

        cdef Py_ssize_t i
        self.check_free()
        crossing_times = np.array([self.crossings.get(i) for i in range(self.crossings.n_slots)], np.float64)
        slots = np.flatnonzero(crossing_times < INFINITY).astype(np.int32)
        parts = {}
        for entry in self.handlers:
            method = state_method(entry, "snapshot")
            part = None if method is None else method()
            if part is not None:
                parts[str(entry.id)] = part
        return {
            "time": self.time,
            "sequence": self.sequence,
            "processed": self.n_processed,
            "names": "\n".join(names_of(self.handlers)),
            "n_slots": self.crossings.n_slots,
            **tables_of(self.queue),
            "crossings": {"slot": slots, "time": crossing_times[slots]},
            "handlers": parts,
        }

    def pending_of(self, handler):
        """Return the events of a handler that wait, in order: arrays (time, unit, value).

        Raises
        ------
        RuntimeError
            If called from a handler.
        """
        import numpy as np

        cdef Py_ssize_t i, n
        cdef Event **events
        self.check_idle("pending_of")
        self.check_owned(handler)
        events = <Event **> resized(NULL, self.queue.size(), sizeof(Event *), b"events of a handler")
        n = self.queue.find((<Handler> handler).id, events)
        found = ([events[i].time for i in range(n)], [events[i].unit for i in range(n)], [events[i].value for i in range(n)])
        free(events)
        return np.array(found[0], float), np.array(found[1], np.int64), np.array(found[2], float)

    def relabel(self, handler, units, times=(), values=()):
        """Let the events of a handler that wait, in the order of `pending_of`, be for other units.

        Units beyond these are of new events, at `times` and with `values`.

        Raises
        ------
        RuntimeError
            If called from a handler.
        """
        cdef Py_ssize_t i, n
        cdef Event **events
        cdef int number
        self.check_idle("relabel")
        self.check_owned(handler)
        number = (<Handler> handler).id
        events = <Event **> resized(NULL, self.queue.size(), sizeof(Event *), b"events of a handler")
        n = self.queue.find(number, events)
        for i in range(n):
            events[i].unit = units[i]
        free(events)
        for i in range(len(units) - n):
            self.push(times[i], number, units[n + i], values[i], 0)

    def restore(self, state):
        """Go back to a state that `snapshot` returned.

        Raises
        ------
        ValueError
            If it was taken with other handlers or crossing slots, or is damaged; nothing has changed then.
        RuntimeError
            If called from a handler.
        """
        from eventsim.engine.states import checked_tables
        from eventsim.states import state_number, state_part

        cdef Py_ssize_t i
        cdef EventQueue queue
        cdef const double[::1] crossing_times
        self.check_idle("restore")
        names = "\n".join(names_of(self.handlers))
        if not isinstance(state, Mapping):
            raise ValueError(f"a state is what snapshot() returned, got {type(state).__name__}")
        if not isinstance(state.get("names"), str):
            raise ValueError(f"'names' in the state must be the names of handlers, got {state.get('names')!r:.60}")
        if state["names"] != names or state_number(state, "n_slots", "int64") != self.crossings.n_slots:
            raise ValueError(
                f"the snapshot is of handlers {str(state.get('names')).split()} with {state.get('n_slots')} crossing "
                f"slots; this engine has {names.split()} with {self.crossings.n_slots}")
        tables = checked_tables(state, self.handlers, self.crossings.n_slots)
        parts = state_part(state, "handlers")
        for entry in self.handlers:
            method = state_method(entry, "check_state")
            if method is not None:
                i = max(entry.first_slot, 0)
                method(parts.get(str(entry.id)), tables["time"], tables["crossing_times"][i:i + entry.n_slots])
        queue = queue_of(tables)  # memory first; then everything is taken over
        self.queue = queue
        self.crossings.clear()
        crossing_times = tables["crossing_times"]
        for i in range(crossing_times.shape[0]):
            if crossing_times[i] < INFINITY:
                self.crossings.set(<int> i, crossing_times[i])
        self.time = tables["time"]
        self.sequence = tables["sequence"]
        self.n_processed = tables["processed"]
        for entry in self.handlers:
            part = parts.get(str(entry.id))
            method = None if part is None else state_method(entry, "restore")
            if method is not None:
                method(part)

    def reset(self):
        """Back to time 0 with nothing scheduled; handlers and their crossing slots stay registered.

        Tokens given out before are spent. The handlers' own states are theirs to reset.
        """
        self.check_idle("reset")
        self.queue.clear()
        self.crossings.clear()
        self.time = 0.0
        self.sequence = self.instant_sequence = 0
        self.n_processed = self.n_instant = self.n_crossed = 0

    def verify(self):
        """Check the invariants of queue and crossings; raises AssertionError naming the one that fails."""
        cdef const Event *event
        self.check_free()
        verify(self.queue)
        self.crossings.verify()
        event = self.queue.peek()
        if (event != NULL and event.time < self.time) or self.crossings.top_time < self.time:
            raise AssertionError("nothing that waits is before the clock")

    def queue_layout(self):
        """How many events are in the heap, in buckets, beyond them, at inf, and the number of buckets."""
        return self.queue.layout()

    cdef int check_idle(self, what) except -1:
        if self.running:
            raise RuntimeError(f"the engine is running; {what} is possible between runs only")
        return 0

    # ---- the loop

    cdef int go(self, double limit, int64_t budget) except -1:
        """Handle up to `budget` events before `limit`. Returns why it ended."""
        cdef int64_t chunk = FIRST_CHUNK
        cdef int64_t before, size
        cdef int state
        if self.running:
            raise RuntimeError("the engine is running already; a handler may schedule, cancel and stop, "
                               "not run or step it")
        if self.closed is not None:
            raise RuntimeError(self.closed)
        if len(self.handlers) != self.n_handlers:
            raise RuntimeError("the engine's handlers are gone: it is being deleted")
        self.running = True
        self.stopping = False
        self.thread = PyThread_get_thread_ident()
        self.instant_sequence = self.sequence
        self.n_instant = self.n_crossed = 0
        try:
            while True:
                before = self.n_processed
                state = self.run_python(limit, budget)
                budget -= self.n_processed - before
                if state != SWITCH:
                    return state
                size = chunk if chunk < budget else budget
                before = self.n_processed
                started = perf_counter()
                with nogil:
                    state = self.run_compiled(limit, size)
                size = self.n_processed - before
                budget -= size
                if state == DONE or budget == 0:
                    return state
                if size == chunk and chunk < LAST_CHUNK and perf_counter() - started < CHUNK_SECONDS:
                    chunk *= 2
                PyErr_CheckSignals()
        finally:
            self.running = False

    cdef int upcoming(self, double limit) except -1 nogil:
        """What comes next before `limit`: the event that the queue peeks at, the top crossing, or nothing."""
        cdef const Event *event = self.queue.peek()
        cdef double crossing = self.crossings.top_time
        if event == NULL or (crossing <= event.time and (crossing < event.time or event.order >= LATE)):
            return CROSSING if crossing < limit else NOTHING
        return EVENT if event.time < limit else NOTHING

    cdef int take_event(self, Event *event) except -1 nogil:
        """Consume the next event: the clock moves to it."""
        self.queue.pop()
        self.n_processed += 1
        if event.time > self.time:
            self.time = event.time
            self.instant_sequence = self.sequence
            self.n_instant = self.n_crossed = 0
        elif event.order & SEQUENCE >= self.instant_sequence:
            self.n_instant += 1
        if event.slot >= 0:
            self.spend(event)
        if self.n_instant > self.max_events_per_instant:
            return fail_instant(self, event.handler)
        return 0

    cdef int take_crossing(self) except -1 nogil:
        """Consume the next crossing; returns its slot."""
        cdef int slot = self.crossings.top_slot()
        self.n_processed += 1
        if self.crossings.top_time > self.time:
            self.time = self.crossings.top_time
            self.instant_sequence = self.sequence
            self.n_instant = self.n_crossed = 0
        self.crossings.set(slot, INFINITY)
        self.n_crossed += 1
        if self.n_crossed > self.max_events_per_instant + self.crossings.n_slots:
            return fail_instant(self, self.owners[slot])
        return slot

    cdef int spend(self, const Event *event) except -1 nogil:
        """Release the token of a consumed event, or schedule the next tick of its series."""
        cdef int32_t tick = self.queue.tokens[event.slot].tick
        cdef Tick *series
        if tick < 0:
            self.queue.release_token(event.slot)
            return 0
        series = &self.queue.ticks[tick]
        series.count += 1
        self.queue.push(series.start + series.count * series.period, event.value,
                        (event.order & ~SEQUENCE) | self.sequence, event.handler, event.unit, event.slot)
        self.sequence += 1
        return 0

    cdef int run_compiled(self, double limit, int64_t budget) except -1 nogil:
        """Handle events of C handlers."""
        cdef Event event
        cdef Entry *entry
        cdef int next_is, slot
        while not self.stopping:
            if budget == 0:
                return PAUSE
            next_is = self.upcoming(limit)
            if next_is == EVENT:
                event = self.queue.near[0]
                entry = &self.table[event.handler]
                if entry.python:
                    return SWITCH
                self.take_event(&event)
                (<Handler> self.table[event.handler].handler).receive(self, &event)
            elif next_is == CROSSING:
                entry = &self.table[self.owners[self.crossings.top_slot()]]
                if entry.python:
                    return SWITCH
                slot = self.take_crossing()
                entry = &self.table[self.owners[slot]]
                (<Handler> entry.handler).cross(self, slot - (<Handler> entry.handler).first_slot, self.time)
            else:
                return DONE
            budget -= 1
        return DONE

    cdef int run_python(self, double limit, int64_t budget) except -1:
        """Handle events of Python handlers; the GIL stays."""
        cdef Event event
        cdef int next_is, slot
        cdef PythonHandler handler
        cdef Entry *entry
        while not self.stopping:
            if budget == 0:
                return PAUSE
            if budget % SIGNAL_EVERY == 0:
                PyErr_CheckSignals()
            next_is = self.upcoming(limit)
            if next_is == EVENT:
                event = self.queue.near[0]
                entry = &self.table[event.handler]
                if not entry.python:
                    return SWITCH
                handler = <PythonHandler> entry.handler
                self.take_event(&event)
                handler.call(self, &event)
            elif next_is == CROSSING:
                entry = &self.table[self.owners[self.crossings.top_slot()]]
                if not entry.python:
                    return SWITCH
                handler = <PythonHandler> entry.handler
                slot = self.take_crossing()
                handler.call_cross(self, slot - handler.first_slot, self.time)
            else:
                return DONE
            budget -= 1
        return DONE
