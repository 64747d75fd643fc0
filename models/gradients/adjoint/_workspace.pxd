"""The memory of one thread in a pass, and the derivatives that it sums."""

from libc.stdint cimport int32_t, int64_t

from eventsim.models.gradients.adjoint._tape cimport Spike

cdef struct Arrival:
    double time, weight
    int32_t unit, spike, synapse, receptor

cdef struct Train:
    Spike *spike
    Py_ssize_t n, room


cdef class Sums:
    cdef readonly object weights, delays, parameters
    cdef double[::1] weight, delay, parameter


cdef class WorkSpace:
    cdef int n_groups, n_links
    cdef Train *train
    cdef int begun, sample      # id of the first spike of the present sample, and its number
    cdef Py_ssize_t *cursor     # of each link: the first spike that may still arrive
    cdef double *x              # (n_units, MOST_STATES)
    cdef double *t
    cdef double *ready          # end of refractory time
    cdef int32_t *latest        # id of the latest spike
    cdef int64_t *record        # latest record
    cdef Py_ssize_t *probe      # the next time at which the membrane of a unit is read
    cdef double *adjoint        # (n_units, MOST_STATES)
    cdef Arrival *arrival
    cdef Arrival *sorted
    cdef Py_ssize_t n_arrivals, room
    cdef int64_t *offset        # where the arrivals of a unit begin
    cdef double *own_weight     # derivatives of one sample, where those that are too large are dropped
    cdef double *norm
    cdef int reserve(self, Py_ssize_t n) except -1 nogil
    cdef int push(self, int group, const Spike *spike) except -1 nogil
