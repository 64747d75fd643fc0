"""Work space of the gradient walk, one for each thread."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from eventsim.models.gradients.eventprop._network cimport Heap, Pair
from eventsim.models.gradients.eventprop._sensitivities cimport Sense
from eventsim.models.gradients.eventprop._tape cimport Top, Train


cdef struct Arrival:
    double time
    int32_t synapse     # counted through the synapses of all populations, target by target
    int32_t spike       # counted through the spikes of the sample, population by population


cdef class Space:
    cdef Train *fresh               # spikes of the sample by population (forward)
    cdef Train *train               # likewise, what `gather` looks at: `fresh`, or a piece of the tape
    cdef int64_t *shift             # where a population's spikes begin among those of the sample
    cdef int n_populations
    cdef list memory
    # state of all units, forward: membrane and current at time t, refractory until `release`
    cdef double *v
    cdef double *i
    cdef double *t
    cdef double *release
    cdef double *stop               # arrivals after it do not matter
    cdef Sense *sense
    cdef int32_t *open              # the spike whose `restart` is not known yet, -1 if there is none
    # and backward: adjoints at time t
    cdef double *l_v
    cdef double *l_i
    cdef int32_t *current           # the latest spike that is not yet passed
    cdef uint8_t *quiet             # whether time t lies in the refractory time after it
    # populations in lockstep: their time, spikes and ends of refractory times not yet passed, adjoints not 0
    cdef double *now
    cdef int64_t *spike_left
    cdef int64_t *rest_left
    cdef uint8_t *live
    cdef double *bar                # from v_inf up; inf while no spike is possible
    cdef int32_t *resting           # units in their refractory time
    cdef int *n_resting
    cdef double *spare_v            # the state after a step, and sensitivities before and after it
    cdef double *spare_i
    cdef double *excess
    cdef double *senses             # six arrays
    cdef double *none               # weights of no arrival
    # populations in bins: what arrives in each bin, adjoints in each bin, sums of each synapse
    cdef Heap **heap
    cdef Pair **pair
    cdef Pair **sum
    cdef Py_ssize_t *next           # by projection: the next spike to be added to the bins, or the last read off
    cdef double bin_width, window_width
    cdef dict bin_memory
    # derivatives in weights: the sums of many samples, or those of one sample that are to be guarded
    cdef double *by_weight
    cdef double *one
    cdef double *norm               # the largest of each unit
    # arrivals of a population in a window, unit by unit
    cdef Arrival *arrival
    cdef Py_ssize_t arrival_room
    cdef int64_t *offset            # (largest n + 2,)
    cdef double *gap                # of one unit: times between arrivals, and decays and response over them
    cdef double *em
    cdef double *es
    cdef double *ka
    cdef Arrival *spare
    cdef int32_t *bucket
    cdef Py_ssize_t gap_room
    cdef Py_ssize_t n_known         # how many of `em`, `es`, `ka` hold, and for which constants
    cdef double tau_mem, tau_syn, c_mem
    cdef Py_ssize_t n_shared        # arrivals that all units have in common, -1 if each has its own
    cdef Py_ssize_t n_candidates    # spikes that may arrive at dense units, -1 if they are not listed
    cdef float *sent                # when, relative to `origin`, and the column of their synapses
    cdef int32_t *column
    cdef Py_ssize_t candidate_room
    cdef double origin, margin
    cdef bint shared_ready          # whether `em`, `es`, `ka` are theirs
    cdef Arrival *flight            # of spikes that reach all targets at once: `synapse` is the link here
    cdef Py_ssize_t flight_room
    cdef Top *top                   # largest membranes of the sample
    cdef const double *top_error    # dL/dv of them

    cdef double *doubles(self, Py_ssize_t n) except NULL
    cdef fit_bins(self, int p, Py_ssize_t n, Py_ssize_t n_synapses)
    cdef fit_guard(self, Py_ssize_t n_synapses, Py_ssize_t n_units)
    cdef int make_flight_room(self) noexcept nogil
    cdef int make_candidate_room(self, Py_ssize_t n) noexcept nogil
    cdef int make_room(self, Py_ssize_t n, Py_ssize_t longest) noexcept nogil
