"""The adjoint pass along one unit: its records forward, and lambda back through them."""

from eventsim.models.gradients.adjoint._arrivals cimport Arrivals
from eventsim.models.gradients.adjoint._network cimport Group
from eventsim.models.gradients.adjoint._tape cimport EventTape, Record
from eventsim.models.gradients.adjoint._workspace cimport Arrival, Sums, WorkSpace


cdef class PerUnit(Arrivals):
    cdef int advance_unit(self, WorkSpace w, EventTape tape, int s, int k, int unit, const Arrival *a, Py_ssize_t n,
                          double end) except -1 nogil
    cdef Py_ssize_t due(self, WorkSpace w, const Group *g, Py_ssize_t m, int unit, double limit,
                        bint inclusive) noexcept nogil
    cdef Py_ssize_t read(self, WorkSpace w, EventTape tape, int s, const Group *g, Py_ssize_t m, int unit, const double *x,
                         const double *p, bint held, double limit, bint inclusive, Py_ssize_t place) except -1 nogil
    cdef int keep(self, WorkSpace w, EventTape tape, int s, const Group *g, Record *record, Py_ssize_t m, double time,
                  int kind, int spike, int synapse, bint flows) except -1 nogil
    cdef void backward_unit(self, WorkSpace w, EventTape tape, const Group *g, Py_ssize_t m, int unit, double start,
                            Sums sums, double *weight) noexcept nogil
