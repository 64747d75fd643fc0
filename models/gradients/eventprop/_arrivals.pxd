"""Which spikes arrive where within a window of the gradient walk."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport Group, Groups, Link
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Space
from eventsim.models.gradients.eventprop._tape cimport Train


cdef class Arrivals(Groups):
    cdef void cut(self, const Link *link, double emitted, double start, double end,
                  int32_t *low, int32_t *high) noexcept nogil
    cdef Py_ssize_t list_flights(self, Space w, const Group *g, double start, double end) noexcept nogil
    cdef Py_ssize_t earliest(self, const Link *link, const Train *train, double start) noexcept nogil
    cdef int gather(self, Space w, const Group *g, double start, double end) noexcept nogil
    cdef Py_ssize_t pick(self, Space w, const Group *g, int unit, double stop, double start,
                         double end) noexcept nogil
    cdef int list_candidates(self, Space w, const Group *g, double start, Py_ssize_t n) noexcept nogil
    cdef void order_arrivals(self, Space w, const Group *g, const Cell *c, Arrival *a,
                             Py_ssize_t n) noexcept nogil
    cdef void respond(self, Space w, const Cell *c, Py_ssize_t n) noexcept nogil
