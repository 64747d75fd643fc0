"""What a forward pass leaves for the backward pass of any neuron."""

from libc.stdint cimport int32_t, int64_t

cdef enum:
    ARRIVAL = 0         # an input reaches a unit
    SPIKE = 1           # a unit spikes
    RELEASE = 2         # the refractory time of a unit ends
    PASSAGE = 3         # a flow is cut without an event
    PROBE = 4           # a membrane is read beside the run

cdef struct Spike:
    double time
    double slope_inverse    # 1 / (dg/dt), 0 of an input
    int32_t unit
    int32_t id              # place among all spikes of the tape, in the order of computation


cdef struct Record:
    # An event of a unit, and the flow that led to it from its event before. Doubles follow, see `EventTape`.
    double time
    int64_t before          # the unit's record before it, -1 for none
    int32_t kind
    int32_t spike           # id of the spike that arrives, is emitted, or after which a refractory time ends; a reading's place
    int32_t synapse         # of an arrival; of a reading, whether its flow begins at the event before, not at a reading
    int32_t flows           # whether time has passed since where its flow begins


cdef class EventTape:
    cdef readonly int n_samples, n_populations, n_units, n_windows
    cdef readonly double until, width
    cdef Spike *spike
    cdef Py_ssize_t n_spikes, spike_room
    cdef double *error              # of each spike by its id
    cdef double *memory             # records
    cdef Py_ssize_t used, room
    cdef int64_t[:, ::1] starts     # (n_samples, n_populations + 1) into `spike`
    cdef int64_t[:, ::1] last       # (n_samples, n_units) last record that a loss depends on
    cdef int32_t n_ids
    cdef readonly Py_ssize_t n_probes       # membranes that are read in a sample
    cdef readonly object readings, reading_errors   # (n_samples * n_probes,) membranes, and dL/dv
    cdef double[::1] reading, reading_error

    cdef int add_spikes(self, const Spike *spikes, Py_ssize_t n) except -1 nogil
    cdef double *reserve(self, Py_ssize_t n) except NULL nogil
