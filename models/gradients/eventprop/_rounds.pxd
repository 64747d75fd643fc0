"""Spikes of many neurons of a population between two arrivals, in rounds."""

from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._per_neuron cimport PerNeuron
from eventsim.models.gradients.eventprop._workspace cimport Workspace


cdef class Rounds(PerNeuron):
    cdef bint in_rounds(self, const NeuronGroup *g) noexcept nogil
    cdef int fire_in_rounds(self, Workspace w, int p, double t, double target, double start, double decay, const double *v,
                            const double *i, double *v_next) noexcept nogil
