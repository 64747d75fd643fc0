"""State of sources whose intervals, rates or patterns are more than a constant rate."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

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
    # What refill takes next; it follows from level and drawn alone, so it is no part of the state.
    cdef double[:, ::1] kept            # (n, KEPT) spikes after those in `ahead`
    cdef uint32_t[:, ::1] kept_count    # (n, KEPT) candidates drawn up to each of them, the lower 32 bits
    cdef int32_t[::1] n_kept
    cdef double[::1] next_level         # (n,) time of the last candidate behind them
    cdef uint64_t[::1] next_drawn
    cdef int32_t[::1] asking            # units of a block that draw candidates, and these
    cdef double[::1] candidates
    cdef int accept(self, int unit) except -1
    cdef int draw_block(self, int unit) except -1
    cdef int propose(self, int first, int last) noexcept nogil
    cdef bint thin(self, int unit, const double *candidates, const double *rates) noexcept nogil
    cdef object given_rates(self, times, int unit)


cdef class PatternPopulation(DrawnPopulation):
    cdef double[::1] start, period, jitter, interval, gap     # (n,)
    cdef long long n_spikes, number
