"""The contract between the engine and everything that handles its events."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t

from eventsim.queue.crossings cimport CrossingHeap
from eventsim.queue.queue cimport Event, EventQueue


cdef class Handler:
    """Receives events and threshold crossings. Subclass in Cython, or give the engine a callable."""

    cdef readonly int id                    # index in the engine's table, -1 before registering
    cdef readonly int first_slot            # first crossing slot, -1 if it has none
    cdef readonly int n_slots
    cdef int receive(self, Engine engine, const Event *event) except -1 nogil
    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil


cdef class PythonHandler(Handler):
    """A handler written in Python: a callable (engine, event), or a subclass with `on_event`."""

    cdef readonly object function           # called with (engine, event); None for a subclass
    cdef object event_method, cross_method  # functions of the subclass, found when it is registered
    cdef int call(self, Engine engine, const Event *event) except -1
    cdef int call_cross(self, Engine engine, int unit, double time) except -1


cdef struct Entry:
    void *handler                           # borrowed from Engine.handlers
    bint python                             # its events are handled with the GIL


@cython.final
cdef class Engine:
    cdef double time                        # the clock; `now` in Python
    cdef EventQueue queue
    cdef CrossingHeap crossings
    # Schedule an event; checks that time is not before the clock and not nan.
    cdef int push(self, double time, int handler, int unit, double value, int priority) except -1 nogil
    # The same with a token, for `cancel`.
    cdef uint64_t push_cancellable(self, double time, int handler, int unit, double value,
                                   int priority) except? 0 nogil
    # Set (or with inf remove) the one predicted crossing of a slot.
    cpdef int predict(self, int slot, double time) except -1 nogil
    # Reserve n crossing slots for a registered handler; returns the first.
    cpdef int reserve(self, Handler handler, int n) except -1

    cdef uint64_t sequence                  # of the next event
    cdef readonly list handlers
    cdef dict wrappers                      # callable -> its PythonHandler
    cdef list gone, unused                  # ids of unregistered handlers: events may wait for them, or none does
    cdef Py_ssize_t look_at                 # so many in `gone` are worth a look through the queue
    cdef object closed                      # why nothing can be scheduled any more, or None
    cdef Entry *table
    cdef int n_handlers, table_capacity
    cdef int32_t *owners                    # handler of each crossing slot
    cdef int64_t n_processed
    cdef bint running, stopping
    cdef unsigned long thread               # that runs the engine
    cdef uint64_t instant_sequence          # events from here on were scheduled in this instant
    cdef int64_t n_instant, n_crossed, max_events_per_instant
    cdef object view                        # the Event handed to Python last, used again if nobody kept it
    cdef object __weakref__

    cdef int upcoming(self, double limit) except -1 nogil
    cdef int take_event(self, Event *event) except -1 nogil
    cdef int take_crossing(self) except -1 nogil
    cdef int spend(self, const Event *event) except -1 nogil
    cdef int run_compiled(self, double limit, int64_t budget) except -1 nogil
    cdef int run_python(self, double limit, int64_t budget) except -1
    cdef int go(self, double limit, int64_t budget) except -1
    cdef int check_free(self) except -1
    cdef int check_idle(self, what) except -1
    cdef int check_owned(self, handler) except -1
    cdef int reclaim(self) except -1
