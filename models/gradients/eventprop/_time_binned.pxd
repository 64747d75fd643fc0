"""The gradient walk in bins of time, where every synapse of a population has a delay of its own."""

from libc.stdint cimport int32_t

from eventsim.models.gradients.eventprop._network cimport Group, Link, Ring
from eventsim.models.gradients.eventprop._vectorised cimport Lockstep
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport Gradients, Mark, Train


cdef class Binned(Lockstep):
    cdef void clear_bins(self, Space w, int p) noexcept nogil
    cdef void place(self, Space w, const Group *g, const Mark *mark, Ring *ring, double *base) noexcept nogil
    cdef void spread(self, Space w, int p, double end) noexcept nogil
    cdef Py_ssize_t forward_bins(self, Space w, int p, double start, double end) noexcept nogil
    cdef Py_ssize_t forward_closely(self, Space w, int p, int unit, double start, double end,
                                    double *v, double *i) noexcept nogil
    cdef void watch(self, Space w, int p) noexcept nogil
    cdef void collect(self, Space w, int p, double start, bint late, double *error) noexcept nogil
    cdef int backward_bins(self, Space w, int p, double start, double end, double *error, double *own_error,
                           Gradients gradients) noexcept nogil
    cdef void settle(self, Space w, Gradients gradients) noexcept nogil
