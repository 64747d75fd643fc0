"""State of a population of leaky integrate-and-fire neurons."""

from eventsim.models.lif.flow cimport Cell
from eventsim.population cimport Population


cdef class LIFNeurons(Population):
    cdef Cell *cells                    # one for all, or one for each
    cdef int stride                     # 0 or 1
    cdef bint delta, first_spike_only
    cdef double *v                      # (n,) membrane at time `t`
    cdef double *i                      # (n,) synaptic current at time `t`
    cdef double *t                      # (n,) last event of the unit
    cdef double *refractory_end         # (n,) end of refractoriness; inf for ever
    cdef double *next_spike             # (n,) predicted crossing
    cdef readonly dict arrays           # owners of the memory above
    cdef dict saved

    cdef int put_back(self, dict state) except -1
    cdef void advance(self, int unit, double time) noexcept nogil
    cdef double predict(self, int unit) noexcept nogil
    cdef void receive_weight(self, int unit, double time, double weight) noexcept nogil
    cdef void fire(self, int unit, double time) noexcept nogil
