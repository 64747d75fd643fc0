# cython: boundscheck=False, wraparound=False, cdivision=True
"""The interface of neurons whose spikes have derivatives; flow.pxd says what each function computes.

A unit has a state x that flows between events, x(t1) = F(x(t0)), and jumps at them. The adjoint pass
(`eventsim.models.gradients.adjoint`) needs dF/dx, dF/dp and the derivatives of the jumps, and nothing else.
"""

import numpy as np


cdef class Flow:
    """A neuron between and at events; a subclass overrides the functions of flow.pxd."""

    cdef int prepare(self, double *p) except -1 nogil:
        return 0

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no flow")

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no velocity")

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no threshold")

    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no reset")

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} takes no inputs")

    cdef double membrane(self, const double *x, const double *p, double *by_x, double *by_p) noexcept nogil:
        if by_x != NULL:
            zeros(by_x, self.dim)
            by_x[0] = 1.0
            if by_p != NULL:
                zeros(by_p, self.n_derived)
        return x[0]

    cdef int convert(self, double *x, const double *old, const double *new) noexcept nogil:
        return 0

    cdef double observed(self, const double *x, const double *p, int variable) noexcept nogil:
        return x[variable]

    # The same for Python, in which tests are written.

    def parameters(self, values):
        """Return rows of parameters with room for what follows from them, filled, shape (n, n_parameters)."""
        given = np.atleast_2d(np.asarray(values, np.float64))
        found = np.zeros((len(given), max(self.n_parameters, given.shape[1])))
        found[:, :given.shape[1]] = given
        cdef double[:, ::1] rows = found
        cdef Py_ssize_t k
        for k in range(rows.shape[0]):
            self.prepare(&rows[k, 0])
        return found

    def propagate(self, x, p, double t, double end, bint held=False):
        """Return the time reached, the state there, whether it spikes, dy/dx and dy/dp; `p` as `parameters` returns a row."""
        cdef double[::1] state = np.array(x, np.float64), row = np.array(p, np.float64)
        y, phi = np.zeros(self.n_state), np.zeros((self.dim, self.dim))
        psi = np.zeros((self.dim, self.n_derived + 1))
        cdef double[::1] after = y, flat = psi.reshape(-1)
        cdef double[:, ::1] by_x = phi
        cdef bint spike = False
        reached = self.advance(t, end, held, &state[0], &row[0], &after[0], &spike, &by_x[0, 0], &flat[0])
        psi = psi.reshape(-1)[:self.dim * self.n_derived].reshape(self.dim, self.n_derived)
        return reached, y, bool(spike), phi, psi
