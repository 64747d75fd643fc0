"""EventProp passes vectorised over the neurons of a population."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport Gradients
from eventsim.models.gradients.eventprop._rounds cimport Rounds


cdef class Vectorised(Rounds):
    cdef void begin_vectorised(self, Workspace w, int p) noexcept nogil
    cdef double threshold_bound(self, const Cell *c, double v) noexcept nogil
    cdef int compute_gaps(self, Workspace w, const NeuronGroup *g, double before, double after) noexcept nogil
    cdef Py_ssize_t forward_vectorised(self, Workspace w, int p, double start, double end) noexcept nogil
    cdef void note_inner_maximum(self, Workspace w, const NeuronGroup *g, int unit, double t, double s,
                                 double v, double i,
                                 const double *sensitivity) noexcept nogil
    cdef void note_kink(self, Workspace w, const NeuronGroup *g, int unit, double t, double v, double before,
                        double after,
                        int32_t synapse, const double *sensitivity) noexcept nogil
    cdef int fire(self, Workspace w, int p, int unit, double t, double target, double start, double v,
                  double i,
                  const double *sensitivity, double *v_next, double *sensitivity_next) noexcept nogil
    cdef int backward_vectorised(self, Workspace w, int p, double start, double *error, double *own_error,
                                 Gradients gradients) noexcept nogil
