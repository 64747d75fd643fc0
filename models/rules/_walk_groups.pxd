"""A network as the gradient walk sees it."""

from libc.stdint cimport int32_t, int64_t

from eventsim.models._lif_flow cimport Cell


cdef struct Link:
    # A projection, source by source: synapses first[i] .. first[i + 1] - 1 of its rows leave unit i.
    int pre
    const int32_t *first
    const int32_t *target
    const int32_t *synapse
    const double *delay         # of each synapse, rising within a row if `rising`; NULL if rows share one
    const double *row_delay
    double least, most          # delay
    bint rising
    int32_t column              # of the first source among all inputs of a target, if the group is dense


cdef struct Group:
    # A population; its units are base .. base + n - 1 of all.
    int n, base, n_links, stride
    bint source, once
    bint readout                # no unit has a threshold: their largest membranes are noted
    int first_top               # where those of a sample begin
    bint dense                  # every unit hears every spike
    bint shared                 # and all at the same times
    bint lockstep               # and all have the same constants; synapses lie source by source then
    int n_in                    # synapses of a unit, if dense; those of unit k begin at first_slot + k n_in
    int32_t first_slot
    Link *links
    Cell *cells
    const double *v_init
    const double *i_init


cdef struct Input:
    const double *time
    const int32_t *unit
    const int64_t *start


cdef class Groups:
    cdef readonly int n_populations, n_units, n_synapses, largest, n_readouts
    cdef readonly bint constants
    cdef public double max_slope_inverse
    cdef public long long max_spikes
    cdef Group *group
    cdef Input *input
    cdef int *order
    cdef int n_order
    cdef double[::1] weight
    cdef double[::1] delay
    cdef list memory, input_memory, links

    cdef const double *doubles(self, array) except? NULL
    cdef const int32_t *ints(self, array) except? NULL
