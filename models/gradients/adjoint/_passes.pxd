"""The two passes of an adjoint pass through populations and windows."""

from eventsim.models.gradients.adjoint._per_unit cimport PerUnit
from eventsim.models.gradients.adjoint._tape cimport EventTape
from eventsim.models.gradients.adjoint._workspace cimport Sums, WorkSpace


cdef class EventAdjoint(PerUnit):
    cdef int forward_sample(self, WorkSpace w, EventTape tape, int s, int sample, const int *order,
                            int n_order) except -1 nogil
    cdef int advance_group(self, WorkSpace w, EventTape tape, int s, int k, double start, double end) except -1 nogil
    cdef void guard(self, WorkSpace w, Sums sums) noexcept nogil
    cdef int backward_sample(self, WorkSpace w, EventTape tape, int s, const int *order, int n_order, Sums sums,
                             double *weight) except -1 nogil
