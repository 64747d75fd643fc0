"""Listed synapses between continuous populations."""

from libc.stdint cimport int32_t, int64_t

from eventsim.rates.dense cimport RateProjection


cdef class Sparse(RateProjection):
    cdef readonly object pre_units, post_units  # (n_syn,) int32, sorted by target
    cdef int32_t *source_of
    cdef int32_t *target_of
    cdef int32_t *lag                       # ticks of each synapse, or NULL
    cdef int64_t tick                       # that the products are for
    cdef char *at(self, int64_t k, int64_t synapse) noexcept nogil
