# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The equations of event-based gated recurrent units, with their Jacobian."""

from libc.math cimport exp, tanh

from eventsim.models.neurons.dynamics cimport Dynamics
from eventsim.models.neurons.flow cimport zeros

cdef enum:              # variables
    V = 0
    A_Z = 1
    A_R = 2
    A_U = 3

cdef enum:              # parameters
    TAU_MEM = 0
    TAU_SYN = 1
    V_TH = 2
    B = 2               # of a variable: V_TH, b_z, b_r, b_u


cdef inline double sigmoid(double a) noexcept nogil:
    return 1.0 / (1.0 + exp(-a))


cdef class EGRUEquations(Dynamics):
    # p: tau_mem, tau_syn, v_th, b_z, b_r, b_u
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        cdef int k
        dx[V] = sigmoid(x[A_U]) * (tanh(x[A_Z]) - x[V]) / p[TAU_MEM]
        for k in range(A_Z, A_U + 1):
            dx[k] = (p[B + k] - x[k]) / p[TAU_SYN]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[V] - p[V_TH]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[V] -= p[V_TH]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        if receptor == A_Z - 1:
            weight *= sigmoid(x[A_R])
        x[receptor + 1] += weight
        return 0

    cdef int jacobian(self, double t, const double *x, const double *p, int n_variables, int n_parameters, double *by_x,
                      double *by_p) except -1 nogil:
        cdef double u = sigmoid(x[A_U]), z = tanh(x[A_Z]), tau = p[TAU_MEM]
        cdef int k
        zeros(by_x, n_variables * n_variables)
        by_x[V] = -u / tau
        by_x[A_Z] = u * (1.0 - z * z) / tau
        by_x[A_U] = u * (1.0 - u) * (z - x[V]) / tau
        for k in range(A_Z, A_U + 1):
            by_x[k * n_variables + k] = -1.0 / p[TAU_SYN]
        if n_parameters == 0:
            return 0
        zeros(by_p, n_variables * n_parameters)
        by_p[TAU_MEM] = -u * (z - x[V]) / (tau * tau)
        for k in range(A_Z, A_U + 1):
            by_p[k * n_parameters + TAU_SYN] = (x[k] - p[B + k]) / (p[TAU_SYN] * p[TAU_SYN])
            by_p[k * n_parameters + B + k] = 1.0 / p[TAU_SYN]
        return 0
