"""EventProp passes through all populations and windows."""

from eventsim.models.gradients.eventprop._time_binned cimport TimeBinned
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport Gradients, Tape


cdef class EventProp(TimeBinned):
    cdef public bint stopped    # whether passes that run are to end, since another thread has failed
    cdef int look(self, Workspace w, Py_ssize_t work) noexcept nogil
    cdef fail_interrupted(self, Workspace w)
    cdef prepare(self, Workspace space, Tape tape)
    cdef int forward_sample(self, Workspace w, Tape tape, int s, int sample) noexcept nogil
    cdef void link_spikes(self, Workspace w, int p) noexcept nogil
    cdef Py_ssize_t advance_population(self, Workspace w, int p, double start, double end) noexcept nogil
    cdef void guard(self, Workspace w, Gradients gradients) noexcept nogil
    cdef int backward_sample(self, Workspace w, Tape tape, int s, Gradients gradients) noexcept nogil
