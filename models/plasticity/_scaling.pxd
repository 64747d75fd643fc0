"""State of synapses whose weights follow the rates of their targets."""

from libc.stdint cimport int32_t, int64_t

from eventsim.synapses cimport ArrivalObserver, Synapses


cdef struct Fired:
    double time
    double count        # spikes up to this one
    double trace        # after it; each adds 1


cdef class Scaling(ArrivalObserver):
    cdef Synapses synapses
    cdef double *weight
    cdef double rate, per_tau, goal
    cdef readonly bint dendritic
    cdef bint led                       # whether another rule has the weights, and asks for exponents only
    cdef readonly dict arrays
    cdef double[::1] base               # (n,) weights without the factor
    cdef int32_t[::1] count             # (n_post,)
    cdef Fired[:, ::1] history          # (n_post, capacity) last spikes of each target
    cdef object saved
    cdef int view(self, history) except -1
    # The logarithm of the factor of a target's weights at a time.
    cdef double exponent(self, int unit, double time) noexcept nogil
    cdef double scaled(self, int64_t k, int unit, double time) noexcept nogil
    cdef double shift(self, int source, int64_t first) noexcept nogil
    cdef int fail(self, int64_t k, double time) except -1 with gil
    cdef int make_room(self) except -1
    # Forget the spikes of a target before a time.
    cdef int forget(self, int unit, double time) noexcept nogil
