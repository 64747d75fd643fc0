"""A network as an adjoint pass reads it: populations, projections, inputs, and what of them is set anew."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

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


cdef class AdjointNetwork:
    cdef Group *group
    cdef Link *link
    cdef Input *input
    cdef readonly int n_groups, n_links, n_units, largest
    cdef readonly Py_ssize_t n_synapses, n_parameters
    cdef readonly bint with_parameters
    cdef public double max_slope_inverse, max_dw_norm
    cdef public long long max_spikes
    cdef readonly list first_parameters
    cdef list kept, order, inputs, probes
    cdef dict tables
    cdef object owners
    cdef int32_t[::1] owner
    cdef double[::1] weight, delay
    cdef Py_ssize_t n_ordered(self) noexcept nogil
