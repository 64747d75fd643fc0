"""The gradient walk through all populations and windows."""

from eventsim.models.gradients.eventprop._time_binned cimport Binned
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport Gradients, Tape


cdef class Walk(Binned):
    cdef prepare(self, Space space, Tape tape)
    cdef int forward_sample(self, Space w, Tape tape, int s, int sample) noexcept nogil
    cdef void link_spikes(self, Space w, int p) noexcept nogil
    cdef Py_ssize_t sweep(self, Space w, int p, double start, double end) noexcept nogil
    cdef void guard(self, Space w, Gradients gradients) noexcept nogil
    cdef int backward_sample(self, Space w, Tape tape, int s, Gradients gradients) noexcept nogil
