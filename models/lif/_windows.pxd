"""Work space of sweeps over a population of leaky integrate-and-fire neurons."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t

from eventsim.models.lif._jump_window cimport JumpWindow
from eventsim.models.lif._ordered cimport LIFNeurons
from eventsim.population cimport Arrival
from eventsim.population.recorder cimport SpikeLog


cdef extern from "eventsim/kernels/sums.h" nogil:
    # What the arrivals of a window add to a unit by the window's end: to v, to i, at most to v at any time in it; and how many.
    ctypedef struct InputSums "eventsim_sums":
        double v, i, highest, count
    void add_listed "eventsim_add_listed"(InputSums *sums, const int32_t *target, Py_ssize_t n, double v,
                                          double i, double highest,
                                          double count)
    void decays "eventsim_decays"(const double *time, Py_ssize_t n, double end, double rate, double *out)


cdef struct Kept:
    double v, i, t      # state of a unit, and of when


cdef struct PrivateInput:
    PyObject *source    # a PrivateSource
    double weight
    double delay


cdef class LIFPopulation(LIFNeurons):
    cdef list private_inputs                     # owners of the private sources
    cdef PrivateInput *private_input
    cdef Py_ssize_t *private_end           # (n_private,) one past the arrivals of a private source in `drawn`
    cdef int n_private, n_recordings
    cdef SpikeLog drawn                 # private arrivals of a block of units
    cdef double *response               # work space for their effects
    cdef Py_ssize_t response_room
    cdef readonly JumpWindow jumps      # of neurons without current, through whose windows it carries the membranes
    # work space of sweeps
    cdef InputSums *sums                # (n,)
    cdef void *sums_block               # the memory that holds them
    cdef uint8_t *chosen                # (n,) what becomes of each unit in this window
    cdef uint8_t *recorded              # (n,) units that are recorded on a grid
    cdef Kept *kept                     # (n,) their state at the start of the window; NULL without recordings
    cdef int64_t *offset                # (n + 1,) where a unit's arrivals lie
    cdef double *list_time
    cdef double *list_weight
    cdef Py_ssize_t list_room
    cdef double *own_time               # private arrivals of chosen units
    cdef double *own_weight
    cdef int32_t *own_unit
    cdef Py_ssize_t n_own, own_room

    cdef bint sweep_jumps(self, double start, double end, const Arrival *arrivals, Py_ssize_t n) except -1 nogil
    cdef void settle(self) noexcept nogil
    cdef void add_sums(self, double end, const Arrival *arrival) noexcept nogil
    cdef void skip_subthreshold(self, int first, int last, double start, double end) noexcept nogil
    cdef int draw_feeds(self, int first, int last, double end) except -1 nogil
    cdef int keep_feeds(self) except -1 nogil
    cdef int grow_responses(self, Py_ssize_t n) except -1 nogil
    cdef int make_own_room(self) except -1 nogil
    cdef int gather(self, const Arrival *arrivals, Py_ssize_t n, bint counted) except -1 nogil
    cdef double next_spike_before(self, int unit, double time, bint go) noexcept nogil
    cdef int replay(self, int unit, double start, double end, bint window) except -1 nogil
    cdef int sample_skipped(self, int unit, double start, double end) except -1 nogil
    cdef double sample(self, int unit, double start, double end, const Kept *before) except? -1 with gil
    cdef int open_rows(self, double end) except -1
    cdef int make_room(self, Py_ssize_t n) except -1 nogil
