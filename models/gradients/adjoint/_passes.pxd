"""The structures of the general adjoint pass."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from eventsim.models.gradients.adjoint._tape cimport EventTape, Record, Spike

cdef struct Group:
    # A population. Of a source, `flow` is NULL.
    PyObject *flow
    int n, base             # units, and the place of the first among all
    int dim, n_state, n_derived, n_columns
    int stride, ref_stride  # 0 where all units share parameters, refractory time
    bint closed
    Py_ssize_t first_parameter  # place of its derivatives among all
    Py_ssize_t size         # doubles of a record
    const double *x         # (n, n_state) at time 0
    const double *p         # (1 or n, n_columns)
    const double *t_ref
    Py_ssize_t n_probes         # times at which a unit's membrane is read in a sample
    Py_ssize_t first_probe      # where those of the population begin among all of a sample
    Py_ssize_t probe_sample, probe_unit     # strides of the times; 0 where samples, units share them
    const double *probe         # each unit's times, sorted
    const int32_t *probe_place  # where each of them stood before

cdef struct Link:
    # A projection; synapses of a source are row[source] to row[source + 1].
    int pre, post, receptor
    const int32_t *row
    const int32_t *target
    const int32_t *synapse
    double shortest, longest    # delay

cdef struct Input:
    const double *time
    const int32_t *unit
    const int64_t *start

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
