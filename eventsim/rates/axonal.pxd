"""All-to-all projections of rates with a delay for each source."""

from libc.stdint cimport int64_t

from eventsim.rates.dense cimport RateProjection


cdef class Axonal(RateProjection):
    cdef int64_t stride                     # numbers from row to row of the weights, and in a row of `change`
    cdef char *product                      # (stride,)
    # A change weight[j, i] += factor[j] * change[which[j], i], made when the weights are read next.
    cdef bint due
    cdef char *factor                       # (n_pre,)
    cdef char *change                       # (n_rows, stride)
    cdef int64_t *first                     # (n_runs + 1,) sources from one to the next have the same row of `change`
    cdef int64_t *which                     # (n_runs,) that row
    cdef int64_t n_runs
    cdef bint no_autapses                   # weight[j, j] stays 0
    cdef readonly dict given                # arrays behind the pointers
    # What the product is taken with instead of the weight: the nearest multiple of `step` within +-`limit`.
    cdef readonly double step, limit
    cdef int make_change(self, bint multiply) except -1 nogil
