"""EventProp passes along one neuron."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._arrivals cimport Arrivals
from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Workspace
from eventsim.models.gradients.eventprop._tape cimport Gradients, SpikeTrain


cdef double NEGLIGIBLE               # adjoints below are 0; spares arithmetic with denormal numbers


cdef class PerNeuron(Arrivals):
    cdef double next_spike_time(self, const Cell *c, double v, double i, double t, double refractory_end,
                                double horizon) noexcept nogil
    cdef Py_ssize_t forward_neuron(self, Workspace w, const NeuronGroup *g, SpikeTrain *train, int unit,
                                   Arrival *arrival,
                                   Py_ssize_t n, Py_ssize_t first, double start, double end) noexcept nogil
    cdef void forward_readout(self, Workspace w, const NeuronGroup *g, int unit, const Arrival *arrival,
                              Py_ssize_t n,
                              const double *weight) noexcept nogil
    cdef void backward_neuron(self, Workspace w, const NeuronGroup *g, const SpikeTrain *train, int unit,
                              Arrival *arrival,
                              Py_ssize_t n, Py_ssize_t first, double start, double *error, double *own_error,
                              Gradients gradients) noexcept nogil
    cdef void backward_readout(self, Workspace w, const NeuronGroup *g, int unit, Arrival *arrival,
                               Py_ssize_t n,
                               double start, Py_ssize_t step, const double *weight, double *by_weight,
                               double *by_delay, double *error) noexcept nogil
    cdef void decay_adjoints(self, const Cell *c, double s, double *l_v, double *l_i) noexcept nogil
    cdef double latest_own_event(self, const Cell *c, const SpikeTrain *train, int32_t spike,
                                 bint is_refractory) noexcept nogil
