"""The gradient walk of units that hear the same spikes at the same times."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport Group
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport Gradients
from eventsim.models.gradients.eventprop._per_neuron cimport Units


cdef class Lockstep(Units):
    cdef void set_off(self, Space w, int p) noexcept nogil
    cdef double bar_at(self, const Cell *c, double v) noexcept nogil
    cdef int lay_gaps(self, Space w, const Group *g, double before, double after) noexcept nogil
    cdef Py_ssize_t forward_together(self, Space w, int p, double start, double end) noexcept nogil
    cdef void climb(self, Space w, const Group *g, int unit, double t, double s, double v, double i,
                    const double *sensed) noexcept nogil
    cdef void note_kink(self, Space w, const Group *g, int unit, double t, double v, double before, double after,
                        int32_t synapse, const double *sensed) noexcept nogil
    cdef int fire(self, Space w, int p, int unit, double t, double target, double start, double v, double i,
                  const double *sensed, double *v_next, double *sensed_next) noexcept nogil
    cdef int backward_together(self, Space w, int p, double start, double *error, double *own_error,
                               Gradients gradients) noexcept nogil
