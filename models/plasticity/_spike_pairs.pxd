"""State of synapses that follow pairs and triplets of spikes."""

from libc.stdint cimport int32_t, int64_t

from eventsim.synapses cimport ArrivalObserver, Synapses


cdef struct Post:
    double time
    double minus        # trace of depression, after this spike
    double slow         # slow trace, before this spike


cdef class SpikePairs(ArrivalObserver):
    cdef Synapses synapses
    cdef double *weight
    cdef double a_plus, a_minus, a_plus_triplet, a_minus_triplet, mu_plus, mu_minus, w_max
    cdef double rate_plus, rate_minus, rate_plus_triplet, rate_minus_triplet
    cdef bint nearest, dendritic, plain     # plain: only pairs count
    cdef double lowest, highest             # weights lie between
    cdef readonly dict arrays
    cdef double[::1] plus, slow         # (n_rows,) traces of the source after its last spike
    cdef double[::1] last, done         # (n_rows,) time of that spike; targets' spikes up to then have acted
    cdef Post[:, ::1] history           # (n_post, capacity) spikes of targets that may act still, or are the last to depress
    cdef int32_t[::1] count             # (n_post,)
    cdef bint saving                    # a sweep is under way that may be taken back
    cdef object saved                   # what it began with
    cdef double *undo                   # weights, and traces of their rows, that it changed
    cdef int64_t *block                 # (first synapse, how many) of each group of them
    cdef Py_ssize_t n_undo, n_blocks, undo_capacity, block_capacity
    cdef int view(self, history) except -1
    cdef double potentiated(self, double w, int64_t row, const Post *h, double at) noexcept nogil
    cdef double follow(self, double w, int64_t row, int unit, double shift, double until) noexcept nogil
    cdef double depressed(self, double w, int64_t row, int unit, double shift, double time) noexcept nogil
    cdef void advance(self, int64_t k, int64_t row, int unit, double shift, double until) noexcept nogil
    cdef void arrive(self, int64_t k, int64_t row, int unit, double shift, double time) noexcept nogil
    cdef void note(self, int64_t row, double time) noexcept nogil
    cdef void pass_pairs(
            self, int64_t row, double shift, double time, double *weight, const int32_t *target, Py_ssize_t n) noexcept nogil
    cdef double shift_of(self, int source, int64_t k) noexcept nogil
    cdef int make_room(self, int unit) except -1
    cdef int keep(self, int64_t first, Py_ssize_t n) except -1 nogil
    cdef int keep_all(self) except -1
