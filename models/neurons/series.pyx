"""The equations of a neuron that give the Taylor series of its state; see series.pxd."""

from libc.math cimport NAN

from eventsim.models.neurons.dynamics cimport Dynamics


cdef class SeriesDynamics(Dynamics):
    """Equations without time in them whose series has a recurrence; the membrane is the first variable."""

    cdef double peak(self, const double *p) noexcept nogil:
        return NAN

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        return -1

    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil:
        return -1

    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil:
        return -1

    cdef bint rises(self, const double *x, const double *p) noexcept nogil:
        return False

    cdef double rise(self, double *x, const double *p, double tolerance, int order) noexcept nogil:
        return -1.0
