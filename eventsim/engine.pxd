"""The contract between the engine and everything that handles its events."""

from libc.stdint cimport int32_t, uint64_t

from eventsim.queue cimport CrossingHeap, EventQueue


cdef struct Event:
    double time         # in the network's time unit
    double value        # whatever the sender means by it
    uint64_t order      # (priority + 2**15) << 48 | sequence; with time, the total order
    int32_t handler     # index in the engine's table
    int32_t unit
    int32_t slot        # entry in the token table, or -1 for an event that nobody can cancel


cdef class Handler:
    """Receives events and threshold crossings. Subclass in Cython, or give the engine a callable."""

    cdef readonly int id                    # index in the engine's table, -1 before registering
    cdef readonly int first_slot            # first crossing slot, -1 if it has none
    cdef int receive(self, Engine engine, const Event *event) except -1 nogil
    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil


cdef class Engine:
    cdef double time                        # the clock; `now` in Python
    cdef EventQueue queue
    cdef CrossingHeap crossings
    # Schedule an event; checks that time is not before the clock and not nan.
    cdef int push(self, double time, int handler, int unit, double value, int priority) except -1 nogil
    # Set (or with inf remove) the one predicted crossing of a slot.
    cdef int predict(self, int slot, double time) except -1 nogil
    # Reserve n crossing slots for a registered handler; returns the first.
    cpdef int reserve(self, Handler handler, int n) except -1
