"""State of neurons without synaptic current on a clock that all of them share."""

from libc.stdint cimport int32_t, int64_t

from eventsim.queue.crossings cimport CrossingHeap
from eventsim.engine cimport Engine
from eventsim.population cimport Population, SynapseGroup


cdef class CommonClockNeurons(Population):
    cdef double unit_time               # tau_mem ln 2: in it a distance from v_inf halves
    cdef double v_inf, v_reset, t_ref
    cdef double above                   # v_inf - v_th
    cdef bint first_spike_only, refracts    # refracts: whether a unit may be refractory
    cdef CrossingHeap waiting           # by U 2^-base; without those that fire no more
    cdef double[::1] refractory_end     # (n,)
    cdef int64_t base
    cdef double clock                   # last event of any unit
    cdef int top                        # unit that fires next, -1 for none
    cdef double next_spike              # when it does
    cdef int32_t *ready                 # (n + 1,) units that fire at that time
    cdef int n_ready, n_fired           # how many, and how many of them have done so
    cdef double least_u, least_time     # U on top of the heap, nan if not looked at, and when that fires
    cdef double limit                   # no unit with a larger U fires then
    cdef bint sampled                   # whether anything is recorded
    cdef dict saved

    cdef double scale(self, double time) noexcept nogil
    cdef int go_to(self, double time) except -1 nogil
    cdef int rebase(self, int64_t base) except -1 with gil
    cdef int take_parameters(self, parameters) except -1
    cdef int take_membranes(self, const double[::1] v, double time) except -1
    cdef int check_held(self, parameters, v, double now) except -1
    cdef double crossing_time(self, double u) noexcept nogil
    cdef bint look(self) except -1 nogil
    cdef bint set_top(self, int top, double time) noexcept nogil
    cdef int list_ready(self, double time) except -1 nogil
    cdef void forget(self) noexcept nogil
    cdef int announce(self, Engine engine) except -1 nogil
    cdef int arrive(self, double time, const SynapseGroup *group) except -1 nogil
    cdef void fire(self, int unit, double time) noexcept nogil
    cdef int fire_before(self, double time) except -1 nogil
    cdef int sample_before(self, double time) except -1 with gil
    cdef int put_back(self, dict state) except -1
