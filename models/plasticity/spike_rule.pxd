"""What a compiled plasticity rule at spikes builds on; a user may write one of their own."""

from libc.stdint cimport int64_t

from eventsim.synapses cimport ArrivalObserver, Synapses


cdef class SpikeRule(ArrivalObserver):
    cdef readonly Synapses synapses
    cdef double *weight             # (n,) in storage order, the order of Simulation.weights
    cdef readonly dict arrays       # of the state, by name
    cdef readonly dict bounds       # (low, high) of their values, low <= value < high, for states that are put back
    cdef object saved
    cdef readonly bint own_rows     # whether each synapse has a trace of its source of its own, or each source one
