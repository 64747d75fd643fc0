# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The equations of the nonlinear neurons; parameters are in the order of `PARAMETERS` of each model."""

from libc.math cimport exp

from eventsim.models.neurons.dynamics cimport Dynamics


cdef class AdExEquations(Dynamics):
    # p: c_mem, g_leak, v_leak, v_t, delta_t, v_peak, v_reset, i_ext, tau_syn, is_delta, a, b, tau_w
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        cdef double leak = p[1] * (p[2] - x[0] + p[4] * exp((x[0] - p[3]) / p[4]))
        dx[0] = (leak - x[2] + x[1] + p[7]) / p[0]
        dx[1] = -x[1] / p[8]
        dx[2] = (p[10] * (x[0] - p[2]) - x[2]) / p[12]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[0] - p[5]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[0] = p[6]
        x[2] += p[11]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[0 if p[9] != 0.0 else 1] += weight
        return 0


cdef class ExponentialEquations(Dynamics):
    # p: c_mem, g_leak, v_leak, v_t, delta_t, v_peak, v_reset, i_ext, tau_syn, is_delta
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        cdef double leak = p[1] * (p[2] - x[0] + p[4] * exp((x[0] - p[3]) / p[4]))
        dx[0] = (leak + x[1] + p[7]) / p[0]
        dx[1] = -x[1] / p[8]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[0] - p[5]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[0] = p[6]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[0 if p[9] != 0.0 else 1] += weight
        return 0


cdef class QuadraticEquations(Dynamics):
    # p: c_mem, k, v_leak, v_t, v_peak, v_reset, i_ext, tau_syn, is_delta
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        dx[0] = (p[1] * (x[0] - p[2]) * (x[0] - p[3]) + x[1] + p[6]) / p[0]
        dx[1] = -x[1] / p[7]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[0] - p[4]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[0] = p[5]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[0 if p[8] != 0.0 else 1] += weight
        return 0


cdef class IzhikevichEquations(Dynamics):
    # p: a, b, c, d, v_peak, i_ext, tau_syn, is_delta
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        dx[0] = (0.04 * x[0] + 5.0) * x[0] + 140.0 - x[2] + x[1] + p[5]
        dx[1] = -x[1] / p[6]
        dx[2] = p[0] * (p[1] * x[0] - x[2])
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[0] - p[4]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[0] = p[2]
        x[2] += p[3]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[0 if p[7] != 0.0 else 1] += weight
        return 0
