# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""The hold model: the classical measure of an event queue, as a handler in C.

A queue holds n events; each, when it comes, schedules one new event after the next of a list of
increments. Nothing else is done, so the time is the engine's own (W1 of the benchmarks).
"""

from eventsim.engine.engine cimport Engine, Event, Handler


cdef class HoldModel(Handler):
    """Answers each event with one new event.

    Parameters
    ----------
    increments : ndarray, shape (2**m,)
        Times from an event to the one it schedules, used in turn. Copied.
    """

    cdef double[::1] increments
    cdef size_t k, mask, last

    def __init__(self, increments):
        import numpy

        self.increments = numpy.array(increments, dtype=numpy.float64)
        if self.increments.shape[0] == 0 or self.increments.shape[0] & (self.increments.shape[0] - 1):
            n = self.increments.shape[0]
            raise ValueError(f"the number of increments must be a power of two, got {n}")
        self.mask = self.increments.shape[0] - 1

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef double increment = self.increments[self.k & self.mask]
        self.k += 1
        if self.k == self.last:
            engine.stopping = True
        return engine.push(event.time + increment, self.id, event.unit, 0.0, 0)

    def fill(self, Engine engine, const double[::1] times):
        """Schedule one event at each of these times, to be handled by this handler."""
        cdef Py_ssize_t i
        for i in range(times.shape[0]):
            engine.push(times[i], self.id, <int> i, 0.0, 0)

    def operate(self, Engine engine, size_t operations):
        """Run the engine for this many operations: an event taken and one scheduled each."""
        self.last = self.k + operations
        engine.run()
