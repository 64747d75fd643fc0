"""State of sources whose intervals, rates or patterns are more than a constant rate."""

from libc.stdint cimport int32_t, uint64_t

from eventsim.models.inputs._sources cimport PoissonPopulation


cdef class DrawnPopulation(PoissonPopulation):
    cdef double[::1] level              # (n,) where the stream of a unit stands; each class says of what


cdef class RenewalPopulation(DrawnPopulation):
    cdef double[::1] shape, dead        # (n,) of gamma intervals; dead time, in mean intervals
    cdef bint stationary, plain
    cdef double[::1] starts             # (m,) where pieces of the rate start
    cdef double[:, ::1] rate, slope     # (1 or n, m) at the start of a piece
    cdef double[:, ::1] mass            # (1 or n, m) integral of the rate up to there
    cdef double[::1] total              # (1 or n,) integral over one period
    cdef double period                  # inf if the rate does not repeat
    cdef int32_t[::1] piece             # (n,) where the last search ended; only speeds the next one up
    cdef double inverse(self, int unit, double level) noexcept nogil
    cdef double first(self, int unit, uint64_t *count) noexcept nogil


cdef class ThinnedPopulation(DrawnPopulation):
    cdef object function
    cdef double highest, stop, per_hertz
    cdef bint by_unit
    # What refill takes next, where it is ready; it follows from level and drawn alone, so it is no part of the state.
    cdef double[:, ::1] next_ahead      # (n, AHEAD)
    cdef double[::1] next_level         # (n,)
    cdef uint64_t[::1] next_drawn
    cdef int32_t[::1] ready
    cdef int accept(self, int unit) except -1
    cdef int accept_block(self, int first, int last) except -1


cdef class PatternPopulation(DrawnPopulation):
    cdef double[::1] start, period, jitter, interval, gap     # (n,)
    cdef long long n_spikes, number
