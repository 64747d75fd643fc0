# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The equations of neurons with conductances; a course of two time constants is a chain of two variables."""

import numpy as np

from eventsim.models.neurons.dynamics cimport Dynamics

cdef enum:
    MEMBRANE = 6        # parameters: c_mem, g_leak, v_leak, v_th, v_reset, i_ext
    RECEPTOR = 4        # and of each receptor: e_rev, rates of decay and rise, what an input of weight 1 adds


cdef class ConductanceEquations(Dynamics):
    """v, then of each receptor its conductance and, unless it jumps, what drives it.

    Parameters
    ----------
    chained : sequence of bool
        Of each receptor, whether its conductance rises.
    """

    cdef int[::1] place, rises
    cdef int n_receptors

    def __init__(self, chained):
        self.n_receptors = len(chained)
        self.rises = np.array([*chained, 0], np.int32)
        self.place = 1 + np.cumsum([0, *(1 + bool(each) for each in chained)], dtype=np.int32)

    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        cdef double current = p[1] * (p[2] - x[0]) + p[5]
        cdef const double *q = p + MEMBRANE
        cdef int k, at
        for k in range(self.n_receptors):
            at = self.place[k]
            current += x[at] * (q[0] - x[0])
            dx[at] = -x[at] * q[1]
            if self.rises[k]:
                dx[at] += x[at + 1]
                dx[at + 1] = -x[at + 1] * q[2]
            q += RECEPTOR
        dx[0] = current / p[0]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[0] - p[3]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[0] = p[4]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[self.place[receptor] + self.rises[receptor]] += weight * p[MEMBRANE + RECEPTOR * receptor + 3]
        return 0
