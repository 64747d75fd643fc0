"""Which spikes arrive where within a window of an EventProp pass."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport NeuronGroup, GradientNetwork, Link
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Workspace
from eventsim.models.gradients.eventprop._tape cimport SpikeTrain


cdef class Arrivals(GradientNetwork):
    cdef void narrow_row(self, const Link *link, double emitted, double start, double end,
                         int32_t *low, int32_t *high) noexcept nogil
    cdef Py_ssize_t list_in_flight(self, Workspace w, const NeuronGroup *g, double start,
                                   double end) noexcept nogil
    cdef Py_ssize_t earliest(self, const Link *link, const SpikeTrain *train, double start) noexcept nogil
    cdef int gather_arrivals(self, Workspace w, const NeuronGroup *g, double start, double end) noexcept nogil
    cdef Py_ssize_t arrivals_of(self, Workspace w, const NeuronGroup *g, int unit, double stop, double start,
                                double end) noexcept nogil
    cdef int list_candidates(self, Workspace w, const NeuronGroup *g, double start,
                             Py_ssize_t n) noexcept nogil
    cdef void order_arrivals(self, Workspace w, const NeuronGroup *g, const Cell *c, Arrival *a,
                             Py_ssize_t n) noexcept nogil
    cdef void compute_responses(self, Workspace w, const Cell *c, Py_ssize_t n) noexcept nogil
