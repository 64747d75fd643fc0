"""State of neurons that follow the Taylor series of their state."""

from libc.stdint cimport int32_t

from eventsim.models.neurons._solver cimport SolvedNeurons
from eventsim.models.neurons.series cimport SeriesDynamics


cdef class SeriesNeurons(SolvedNeurons):
    cdef SeriesDynamics equations
    cdef int order
    cdef double least                   # share of the tolerance that makes a step long enough to keep its length
    cdef double[:, ::1] c               # (n, n_variables * (order + 1)) of the series at `t`
    cdef int32_t[::1] rising            # (n,) whether a unit goes to a spike at `t_end`, with the state `x_end`
    cdef int terms(self) noexcept nogil
    cdef int expand_all(self) except -1
    cdef void expand(self, int unit, const double *x, double *c) noexcept nogil
    cdef bint rises(self, int unit) noexcept nogil
    cdef double length(self, const double *c, double h) noexcept nogil
    cdef void climb(self, int unit, double time, double *y) noexcept nogil
