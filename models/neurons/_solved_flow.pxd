"""The flow of neurons that a solver follows."""

from eventsim.models.neurons.dynamics cimport MOST_VARIABLES, Dynamics
from eventsim.models.neurons.flow cimport Flow

cdef struct Step:
    double x[7][MOST_VARIABLES]     # states of the stages; the last is the end
    double k[7][MOST_VARIABLES]     # their slopes


cdef class SolvedFlow(Flow):
    cdef readonly Dynamics dynamics
    cdef double tolerance, max_step
    cdef int take_step(self, double t, double h, bint held, const double *p, Step *s) except -1 nogil
    cdef double error_of(self, double h, const Step *s) noexcept nogil
    cdef double first_crossing(self, double t, double h, const double *p, Step *s) except? -1.0 nogil
    cdef double g_after(self, double t, double h, const double *p, Step *s) except? -1.0 nogil
    cdef int differentiate(self, double t, double h, bint held, const double *p, const Step *s, int n_columns,
                           double *state) except -1 nogil
    cdef int refuse_margin(self) except -1 with gil
    cdef int fail(self, double t) except -1 with gil
