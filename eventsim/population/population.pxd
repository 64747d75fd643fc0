"""What the engine asks of a population of units, whatever they compute."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from eventsim.engine.engine cimport Engine, Event, Handler
from eventsim.population.recorder cimport SampleLog, SpikeLog


cdef struct SynapseGroup:
    # The synapses that one spike reaches at one time. Targets are listed, or without a list first, first + 1, ...
    # Weights are doubles, floats, or without either one number for all.
    const int32_t *target
    const double *w64
    const float *w32
    double w
    Py_ssize_t n
    int32_t first
    int32_t receptor        # of the targets: which of their inputs is reached


cdef struct Arrival:
    double time
    int64_t rank        # order among arrivals of one time
    SynapseGroup group


cdef inline int group_target(const SynapseGroup *group, Py_ssize_t k) noexcept nogil:
    return group.target[k] if group.target != NULL else group.first + <int> k


cdef inline double group_weight(const SynapseGroup *group, Py_ssize_t k) noexcept nogil:
    if group.w64 != NULL:
        return group.w64[k]
    if group.w32 != NULL:
        return group.w32[k]
    return group.w


cdef class SpikeSink(Handler):
    """Where the spikes of a population go."""

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil


cdef class OutputFilter(Handler):
    """What spikes of a population pass on their way to recorder and synapses; see `eventsim.population.transmission`."""

    cdef Population population
    # When a spike of `unit` that crosses at `time` leaves, not before `time`; inf if it is lost.
    cdef double transmit(self, double time, int unit) noexcept nogil
    # Remember the state, and come back to it, around a sweep that went beyond the end of a run.
    cdef int save(self) except -1
    cdef int rollback(self) except -1


cdef class Population(Handler):
    cdef readonly str name
    cdef readonly int n
    cdef readonly tuple variables       # names of what can be recorded, in the order of `peek`
    cdef readonly bint is_source        # takes no input
    cdef readonly bint windowed         # `sweep` gains by windows of the shortest delay
    cdef readonly bint keep_spikes      # whether spikes are recorded
    cdef readonly SpikeLog log          # spikes so far
    cdef readonly SpikeLog fresh        # spikes of the current sweep
    cdef readonly dict event_logs       # events that do not leave their unit, name -> SpikeLog
    cdef readonly list hooks            # Python callables (time, unit), called at each spike
    cdef bint hooked
    cdef readonly OutputFilter transmission  # None where spikes leave as they come
    cdef bint filtered
    cdef list sinks
    cdef PyObject **sink
    cdef int n_sinks
    cdef readonly list recordings       # of Recording
    cdef bint watched                   # whether any recording is at events

    # A unit fires: record it and send it on (ordered schedule).
    cdef int emit(self, Engine engine, double time, int unit) except -1 nogil
    # A spike leaves, at the clock's time.
    cdef int dispatch(self, Engine engine, double time, int unit) except -1 nogil
    # A spike arrives at the units of a group (ordered schedule).
    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil
    # Schedule or predict whatever comes without input, once, before the first run (ordered schedule).
    cdef int begin(self, Engine engine) except -1
    # Handle all arrivals, sorted in time and in [start, end), and put the spikes of that time, sorted by time, into `fresh`.
    # `window` is false where arrivals are to be handled one by one with the arithmetic of the ordered schedule.
    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil
    # Remember the state, and come back to it, around a sweep that went beyond the end of a run.
    cdef int save(self) except -1
    cdef int rollback(self) except -1
    # The value of a variable at a time not before the unit's last event; changes nothing.
    cdef double peek(self, int variable, int unit, double time) noexcept nogil
    cdef int note(self, double time, int unit) except -1 nogil
    cdef int call_hooks(self, double time, int unit) except -1 with gil


# What a population that takes input does with an event that was sent to it itself: an input of weight `value` to `unit`.
cdef int receive_input(Population population, Engine engine, const Event *event) except -1 nogil


cdef class Recording(Handler):
    """One variable of some units, sampled on a grid or at every event."""

    cdef readonly Population population
    cdef readonly str variable
    cdef int index                      # of the variable
    cdef readonly double every          # 0 at events
    cdef readonly object units          # int64 array
    cdef int32_t[::1] unit              # (width,)
    cdef int32_t[::1] column            # (n,) column of a unit, -1 if not recorded
    cdef readonly SampleLog log
    cdef public long long next          # index of the next grid point
    cdef Py_ssize_t opened              # first row, and its grid point, that the current sweep opened
    cdef long long opened_next
    cdef int see(self, double time, int unit) except -1


cdef class PrivateSource(Population):
    """A source whose units each feed one unit of a population, which draws their spikes itself (windows schedule)."""

    cdef double lead    # delay with which they arrive there
    # Append the spikes of units first..last - 1 with time + delay < end, delay added, unit by unit, and count them as emitted.
    cdef int draw(self, int first, int last, double end, double delay, SpikeLog drawn) except -1 nogil
