"""State of a population of leaky integrate-and-fire neurons."""

from eventsim.engine cimport Engine
from eventsim.models.lif.flow cimport Cell
from eventsim.population cimport SynapseGroup, Population


cdef struct UnitState:              # half a cache line: one miss for an arrival
    double v                        # membrane at time `t`
    double t                        # last event of the unit
    double refractory_end           # inf for ever
    double next_spike               # predicted crossing


cdef class LIFNeurons(Population):
    cdef Cell *cells                    # one for all, or one for each
    cdef int stride                     # 0 or 1
    cdef bint delta, first_spike_only
    cdef UnitState *units               # (n,)
    cdef double *i                      # (n,) synaptic current at time `t`
    cdef readonly dict arrays           # views of the memory above, by name
    cdef dict saved

    cdef int put_back(self, dict state) except -1
    cdef void advance(self, int unit, double time) noexcept nogil
    cdef double predict(self, int unit) noexcept nogil
    cdef void receive_weight(self, int unit, double time, double weight) noexcept nogil
    cdef int receive_jumps(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil
    cdef void fire(self, int unit, double time) noexcept nogil
