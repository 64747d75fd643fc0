"""Which spikes arrive where within a window of an adjoint pass."""

from eventsim.models.gradients.adjoint._network cimport AdjointNetwork
from eventsim.models.gradients.adjoint._workspace cimport WorkSpace


cdef class Arrivals(AdjointNetwork):
    cdef int gather(self, WorkSpace w, int k, double start, double end) except -1 nogil
