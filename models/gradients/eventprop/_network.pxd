"""The records of a network that EventProp passes read."""

from libc.stdint cimport int32_t, int64_t

from eventsim.models.lif.flow cimport Cell


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
    int number                  # among all projections


cdef extern from "eventsim/models/gradients/eventprop/_time_binned_records.h" nogil:
    ctypedef struct Synapse "eventsim_synapse":
        double mem, syn, lift, delay

    ctypedef struct BinInput "eventsim_bin_input":
        double mem, syn, lift, unused

    ctypedef struct Pair "eventsim_pair":
        double mem, syn

    ctypedef struct Ring "eventsim_ring":
        double per_bin
        int32_t n_bins, bin, place

    ctypedef struct Bin "eventsim_bin":
        double v_inf, em, es, ka, k, linear, most


cdef struct Bins:
    # Time bins of a dense population (see _time_binned.pyx); its synapses by source, then by unit.
    int32_t n               # bins of its ring; 0 if the population is not time-binned
    Synapse *synapse
    Pair *decay             # e^(delay/tau) of each synapse
    double *power           # decays over 0, 1, ... bins, four numbers each
    Bin bin


cdef struct NeuronGroup:
    # A population. Its units are base .. base + n - 1 of all units.
    int n, base, n_links, stride
    bint source, first_spike_only
    bint readout            # no unit has a threshold: their largest membranes are noted
    int first_maximum       # where those of a sample begin
    bint dense              # every unit receives every spike
    bint shared             # and all at the same times
    bint vectorised         # and all have the same constants
    int n_in                # synapses of a unit, if dense
    bint by_source          # these lie source by source, else unit by unit
    int32_t first_slot      # where those of the group begin
    const double *delays    # by unit, then by source, if dense and not shared
    const float *rough      # the same in single precision
    bint uniform            # all units have the same constants, and bins will do
    Bins bins
    Link *links
    Cell *cells
    const double *v_init
    const double *i_init


cdef struct Input:
    const double *time
    const int32_t *unit
    const int64_t *start


cdef double *zeros(list memory, Py_ssize_t n) except NULL


cdef class GradientNetwork:
    cdef readonly int n_populations, n_units, n_synapses, largest, n_readouts
    cdef readonly bint constants
    cdef public double max_slope_inverse, max_dw_norm
    cdef public long long max_spikes
    cdef NeuronGroup *group
    cdef Input *input
    cdef int *order
    cdef int n_order
    cdef double[::1] weight
    cdef double[::1] delay
    cdef const int32_t[::1] owner   # of each synapse, the unit that it leads to
    cdef list memory, input_memory, links
    cdef dict tables                # arrays of dense populations, by number

    cdef const double *doubles(self, array) except? NULL
    cdef const int32_t *ints(self, array) except? NULL
