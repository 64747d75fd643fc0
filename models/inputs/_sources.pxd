"""State of spike sources."""

from libc.stdint cimport int32_t, uint64_t

from eventsim.population cimport Population, PrivateSource


cdef class ArrayPopulation(Population):
    cdef double[::1] times              # sorted by (time, unit), from `cursor` on still to come
    cdef int32_t[::1] units
    cdef Py_ssize_t cursor, saved_cursor
    cdef double waiting                 # time of the event in the engine's queue, inf if there is none


cdef class RegularPopulation(Population):
    cdef double[::1] period, phase      # (n,)
    cdef long long[::1] count, saved_count    # (n,) number of the next spike


cdef class PoissonPopulation(PrivateSource):
    cdef double[::1] mean               # (n,) mean interval
    cdef readonly double seconds        # of a unit of time
    cdef uint64_t[::1] key              # (n,) of the unit's stream
    cdef uint64_t[::1] drawn            # (n,) intervals drawn so far
    cdef double[:, ::1] ahead           # (n, AHEAD) spike times drawn
    cdef int32_t[::1] position          # (n,) of the next spike in `ahead`
    cdef dict saved
    cdef int put_back(self, dict state) except -1
    cdef int refill(self, int unit) except -1 nogil
    cdef object frozen                  # (n, AHEAD) what is left to spikes in mean intervals where the rate is 0; or None
    cdef object first_intervals(self)
    cdef int draw_further(self, int unit) except -1
