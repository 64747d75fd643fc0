"""State of neurons that an adaptive solver follows from event to event."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from eventsim.engine cimport Engine
from eventsim.models.neurons.dynamics cimport MOST_VARIABLES, Dynamics
from eventsim.population cimport Population


cdef struct Step:
    double k[7][MOST_VARIABLES]
    double x[MOST_VARIABLES]            # at its end
    double error                        # over what is tolerated


cdef class SolvedNeurons(Population):
    cdef readonly Dynamics dynamics
    cdef readonly list sources
    cdef PyObject **source              # (n_sources,) of CurrentSource
    cdef int n_sources, current_at
    cdef double[::1] constant           # (n,) that parameter without them
    cdef double[:, ::1] level           # (n, n_sources)
    cdef int64_t[:, ::1] piece
    cdef readonly dict arrays
    cdef int dim, n_parameters, stride
    cdef double tolerance, max_step
    cdef double[:, ::1] p, x, x_end
    cdef double[::1] t_ref, t, t_end, h, refractory_end, next_event
    cdef int32_t[::1] spikes            # whether the next event is a spike; else it is the end of a step
    cdef int lay_sources(self) except -1
    cdef int lay_parameters(self, p, t_ref) except -1
    cdef int expand_all(self) except -1
    cdef void put_current(self, int unit, double t) noexcept nogil
    cdef double next_change(self, int unit) noexcept nogil
    cdef void enter(self, int unit, double time) noexcept nogil
    cdef int slope(self, int unit, double t, const double *x, bint held, double *dx) except -1 nogil
    cdef int step(self, int unit, double t, const double *x, double h, bint held, Step *s) except -1 nogil
    cdef int estimate(self, int unit, double t, const double *x, double h, bint held, Step *s) except -1 nogil
    cdef double first_step(self, int unit, const double *x, const double *dx) noexcept nogil
    cdef double margin(self, int unit, const double *x) except? -1.0 nogil
    cdef int look_ahead(self, int unit) except -1 nogil
    cdef int spike_now(self, int unit, double t, const double *x, bint held, const double *dx) except -1 nogil
    cdef int dense(self, const double *x, double h, double u, const Step *s, double *y) noexcept nogil
    cdef double first_crossing(self, int unit, double t, const double *x, double h, const Step *s) except? -1.0 nogil
    cdef double margin_after(self, int unit, double t, const double *x, double h, Step *s) except? -1.0 nogil
    cdef int advance(self, int unit, double time) except -1 nogil
    cdef int look(self, Engine engine, int unit) except -1 nogil
    cdef int take(self, Engine engine, double time, int unit, double weight, int receptor) except -1 nogil
    cdef int fail(self, int unit, double time) except -1 with gil
    cdef int fail_margin(self, int unit, double time) except -1 with gil
    cdef int fail_reset(self, int unit, double time) except -1 with gil
