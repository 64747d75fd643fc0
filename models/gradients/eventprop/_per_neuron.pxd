"""The gradient walk along one unit."""

from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._arrivals cimport Arrivals
from eventsim.models.gradients.eventprop._network cimport Group
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Space
from eventsim.models.gradients.eventprop._tape cimport Gradients, Train


cdef double FADED               # adjoints below are 0; spares arithmetic with denormal numbers


cdef class Units(Arrivals):
    cdef double look(self, const Cell *c, double v, double i, double t, double release,
                     double horizon) noexcept nogil
    cdef Py_ssize_t forward_unit(self, Space w, const Group *g, Train *train, int unit, Arrival *arrival,
                                 Py_ssize_t n, Py_ssize_t first, double start, double end) noexcept nogil
    cdef void forward_readout(self, Space w, const Group *g, int unit, const Arrival *arrival, Py_ssize_t n,
                              const double *weight) noexcept nogil
    cdef void backward_unit(self, Space w, const Group *g, const Train *train, int unit, Arrival *arrival,
                            Py_ssize_t n, Py_ssize_t first, double start, double *error, double *own_error,
                            Gradients gradients) noexcept nogil
    cdef void backward_readout(self, Space w, const Group *g, int unit, Arrival *arrival, Py_ssize_t n,
                               double start, Py_ssize_t step, const double *weight, double *by_weight,
                               double *by_delay, double *error) noexcept nogil
    cdef void go_back(self, const Cell *c, double s, double *l_v, double *l_i) noexcept nogil
    cdef double own_event(self, const Cell *c, const Train *train, int32_t spike, bint quiet) noexcept nogil
