"""What currents over time tell the neurons that they drive."""

from libc.stdint cimport int64_t, uint64_t


cdef class CurrentSource:
    # A current is a sequence of pieces, numbered from 0, each with a start; a unit knows in which piece it is.
    cdef readonly bint is_sine
    cdef double until(self, int64_t k) noexcept nogil                      # end of piece k, inf for the last
    cdef double value(self, int unit, int64_t k, double time, double level) noexcept nogil
    cdef double slope(self, int unit, int64_t k) noexcept nogil
    cdef double next_level(self, int unit, int64_t k, double level) noexcept nogil   # of piece k, after that before
    # Mean from `start` to `end`; piece and level, of `start`, become those of `end`.
    cdef double mean(self, int unit, double start, double end, int64_t *k, double *level) noexcept nogil


cdef class Pieces(CurrentSource):
    cdef double[::1] start
    cdef double[:, ::1] at_start, ramp      # (1 or n, n_pieces)
    cdef double period
    cdef int stride
    cdef double begin(self, int64_t k) noexcept nogil                      # start of piece k


cdef class HeldNoise(CurrentSource):
    cdef double[::1] mean, deviation, keep, kick     # (1 or n,)
    cdef uint64_t[::1] key
    cdef double step
    cdef int stride


cdef class Sine(CurrentSource):
    cdef readonly double[::1] amplitude, omega, phase    # (n,)
