"""Work space of EventProp passes, one for each thread."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from eventsim.models.gradients.eventprop._network cimport BinInput, Pair
from eventsim.models.gradients.eventprop._sensitivities cimport Sensitivity
from eventsim.models.gradients.eventprop._tape cimport MembraneMaximum, SpikeTrain


cdef struct Arrival:
    double time
    int32_t synapse     # counted through the synapses of all populations, target by target
    int32_t spike       # counted through the spikes of the sample, population by population


cdef struct Spiking:
    # A unit on its way from spike to spike.
    double v, i, t
    double decay        # of the membrane over what is left of the way
    double x            # and over the time to the next crossing, by which it crosses at `due`; 0 if there is none
    double due
    double step_decay
    int32_t unit


cdef class Workspace:
    cdef SpikeTrain *fresh  # spikes of the sample by population (forward)
    cdef SpikeTrain *train  # likewise, what `gather_arrivals` looks at: `fresh`, or a piece of the tape
    cdef int64_t *shift     # where a population's spikes begin among those of the sample
    cdef int n_populations
    cdef list memory
    cdef bint in_main       # whether the main thread works here, the only one that Ctrl-C reaches
    cdef Py_ssize_t worked  # arrivals and units since signals were looked for
    # state of all units, forward: membrane and current at time t, refractory until `refractory_end`
    cdef double *v
    cdef double *i
    cdef double *t
    cdef double *refractory_end
    cdef double *stop               # arrivals after it do not matter
    cdef Sensitivity *sensitivity
    cdef int32_t *waiting_restart   # the spike whose `restart` is not known yet, -1 if there is none
    # and backward: adjoints at time t
    cdef double *l_v
    cdef double *l_i
    cdef int32_t *current           # the latest spike that is not yet passed
    cdef uint8_t *is_refractory     # whether time t lies in the refractory time after it
    # vectorised populations: their time, spikes and refractory times not yet passed, whether an adjoint
    # is not 0
    cdef double *now
    cdef int64_t *spike_left
    cdef int64_t *refractory_left
    cdef uint8_t *active
    cdef double *threshold_bound    # relative to v_inf; inf while no spike is possible
    cdef int32_t *refractory_units  # units in their refractory time
    cdef int *n_refractory
    cdef double *next_v             # the state after a step
    cdef double *next_i
    cdef double *margin
    cdef double *sensitivities      # six arrays
    cdef double *no_weight          # weights of no arrival
    cdef Spiking *spiking           # units that spike in rounds
    # time-binned populations: input of each bin, adjoints of each bin, sums of each synapse
    cdef BinInput **bin_input
    cdef Pair **pair
    cdef Pair **sum
    cdef Py_ssize_t *next           # by projection: the next spike to be added to the bins, or the last read off
    cdef double bin_width, window_width
    cdef dict bin_memory
    # derivatives in weights: the sums of many samples, or those of one sample that are to be guarded
    cdef double *by_weight
    cdef double *sample_gradient
    cdef double *norm               # the largest of each unit
    # arrivals of a population in a window, unit by unit
    cdef Arrival *arrival
    cdef Py_ssize_t arrival_capacity
    cdef int64_t *offset            # (largest n + 2,)
    cdef double *gap                # of one unit: times between arrivals, and decays and response over them
    cdef double *em
    cdef double *es
    cdef double *ka
    cdef Arrival *spare
    cdef int32_t *bucket
    cdef Py_ssize_t gap_capacity
    cdef Py_ssize_t n_known             # how many of `em`, `es`, `ka` hold, and for which constants
    cdef double tau_mem, tau_syn, c_mem
    cdef Py_ssize_t n_shared            # arrivals that all units have in common, -1 if each has its own
    cdef Py_ssize_t n_candidates        # spikes that may arrive at dense units, -1 if they are not listed
    cdef float *sent                    # when, relative to `origin`, and the column of their synapses
    cdef int32_t *column
    cdef Py_ssize_t candidate_capacity
    cdef double origin, rounding
    cdef bint shared_ready              # whether `em`, `es`, `ka` are theirs
    cdef Arrival *in_flight             # of spikes that reach all targets at once: `synapse` is the link here
    cdef Py_ssize_t in_flight_capacity
    cdef MembraneMaximum *maximum       # largest membranes of the sample
    cdef const double *maximum_error    # dL/dv of them

    cdef double *doubles(self, Py_ssize_t n) except NULL
    cdef reserve_bins(self, int p, Py_ssize_t n, Py_ssize_t n_synapses)
    cdef reserve_guard(self, Py_ssize_t n_synapses, Py_ssize_t n_units)
    cdef int grow_in_flight(self) noexcept nogil
    cdef int reserve_candidates(self, Py_ssize_t n) noexcept nogil
    cdef int reserve_arrivals(self, Py_ssize_t n, Py_ssize_t longest) noexcept nogil
