"""Time-binned EventProp passes, for populations in which every synapse has a delay of its own."""

from libc.stdint cimport int32_t

from eventsim.models.gradients.eventprop._network cimport NeuronGroup, Link, Ring
from eventsim.models.gradients.eventprop._vectorised cimport Vectorised
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport Gradients, SpikeRecord, SpikeTrain


cdef class TimeBinned(Vectorised):
    cdef void begin_binned(self, Workspace w, int p) noexcept nogil
    cdef void locate(self, Workspace w, const NeuronGroup *g, const SpikeRecord *record, Ring *ring,
                     double *base) noexcept nogil
    cdef void fill_bins(self, Workspace w, int p, double end) noexcept nogil
    cdef Py_ssize_t forward_binned(self, Workspace w, int p, double start, double end) noexcept nogil
    cdef Py_ssize_t forward_one_bin(self, Workspace w, int p, int unit, double start, double end,
                                    double *v, double *i) noexcept nogil
    cdef void begin_backward(self, Workspace w, int p) noexcept nogil
    cdef void read_spikes(self, Workspace w, int p, double start, bint late, double *error) noexcept nogil
    cdef int backward_binned(self, Workspace w, int p, double start, double end, double *error,
                             double *own_error,
                             Gradients gradients) noexcept nogil
    cdef void finish_gradients(self, Workspace w, Gradients gradients) noexcept nogil
