# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Quadratic integrate-and-fire neurons in closed form (`_riccati.pxd`), with derivatives.

The state is u = (v - v_leak) / (v_t - v_leak), or q = -1 / u where |u| > 1. In q a spike is a passage through 0 at
speed 1 / tau_mem, and a reset to -inf changes nothing: so nothing diverges, and nothing grazes.
"""

from libc.math cimport INFINITY, exp, expm1, fabs, isinf, log1p

from eventsim.models.neurons._riccati cimport (
    INVERSE, MEMBRANE, Rotation, homogeneous, in_chart, pole, rotation)
from eventsim.models.neurons.flow cimport Flow, identity, zeros

cdef enum:              # places in p
    TAU = 0             # tau_mem
    C_MEM = 1
    I_EXT = 2
    V_LEAK = 3
    V_T = 4
    V_RESET = 5
    GAIN = 6            # tau_mem / (c_mem (v_t - v_leak)): of currents, in the units of u
    DRIVE = 7           # what a constant current is in them
    SPAN = 8            # v_t - v_leak

PARAMETERS = ("tau_mem", "c_mem", "i_ext", "v_leak", "v_t", "v_reset")
DERIVED = PARAMETERS[:3]


cdef class QuadraticFlow(Flow):
    """What the closed forms share."""

    def __cinit__(self):
        self.n_derived = 3
        self.n_parameters = 9
        self.closed = True

    cdef int prepare(self, double *p) except -1 nogil:
        p[SPAN] = p[V_T] - p[V_LEAK]
        p[GAIN] = p[TAU] / (p[C_MEM] * p[SPAN])
        p[DRIVE] = p[GAIN] * p[I_EXT]
        return 0

    def charted(self, double v, p):
        """Return a membrane potential in its chart: (value, chart)."""
        cdef double y = 0.0, chart = 0.0
        if isinf(v):
            return 0.0, 1.0
        in_chart((v - p[V_LEAK]) / p[SPAN], 1.0, &y, &chart)
        return y, chart

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        by_x[0] = 1.0
        if self.dim > 1:
            by_x[1] = 0.0
        if by_p != NULL:
            zeros(by_p, 3)
        return 0

    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        cdef int last = self.n_state - 1
        if isinf(p[V_RESET]):
            x[0] = 0.0
            x[last] = INVERSE
        else:
            in_chart((p[V_RESET] - p[V_LEAK]) / p[SPAN], 1.0, x, x + last)
        if by_x != NULL:
            identity(by_x, self.dim)
            by_x[0] = 0.0
            if by_p != NULL:
                zeros(by_p, 3 * self.dim)
        return 0

    cdef double membrane(self, const double *x, const double *p, double *by_x, double *by_p) noexcept nogil:
        if by_x != NULL:
            zeros(by_x, self.dim)
            by_x[0] = p[SPAN] if x[self.n_state - 1] == MEMBRANE else p[SPAN] / (x[0] * x[0])
            if by_p != NULL:
                zeros(by_p, 3)
        return self.observed(x, p, 0)

    cdef int convert(self, double *x, const double *old, const double *new) noexcept nogil:
        cdef int last = self.n_state - 1
        cdef double n, m
        if old[V_LEAK] == new[V_LEAK] and old[V_T] == new[V_T]:
            return 0
        homogeneous(x[0], x[last], &n, &m)
        in_chart((old[SPAN] * n + (old[V_LEAK] - new[V_LEAK]) * m) / new[SPAN], m, x, x + last)
        return 0

    cdef double observed(self, const double *x, const double *p, int variable) noexcept nogil:
        if variable > 0:
            return x[variable]
        if x[self.n_state - 1] == MEMBRANE:
            return p[V_LEAK] + p[SPAN] * x[0]
        return p[V_LEAK] - p[SPAN] / x[0] if x[0] != 0.0 else -INFINITY


cdef class QIFExponential(QuadraticFlow):
    """Inputs of a synaptic current with tau_syn = tau_mem / 2; the state is u or q, i_syn, chart."""

    def __cinit__(self):
        self.dim = 2
        self.n_state = 3

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef double tau = p[TAU], j = p[GAIN] * x[1], s, part, n, m, n1, m1, larger, at, rate, by_j
        cdef Rotation r
        spike[0] = False
        if held:
            s = exp(-(end - t) / tau)
            y[0] = x[0]
            y[1] = x[1] * s * s
            y[2] = x[2]
            if phi != NULL:
                identity(phi, 2)
                phi[3] = s * s
                if psi != NULL:
                    zeros(psi, 6)
                    psi[3] = 2.0 * y[1] * (end - t) / (tau * tau)
            return end
        homogeneous(x[0], x[2], &n, &m)
        part = -expm1(-(end - t) / tau)
        s = 1.0 - part
        rotation(j, part, &r)
        m1 = m * r.c - n * r.s
        # Below half a turn m has at most one zero, so its sign tells; else there is one.
        if m1 <= 0.0 or j * part * part > 9.8:
            at = pole(n, m, j)
            if at < 1.0 and t - tau * log1p(-at) < end:
                spike[0] = True
                end = t - tau * log1p(-at)
                part = at
                s = 1.0 - at
                rotation(j, part, &r)
                m1 = 0.0
        n1 = s * (n * r.c + m * j * r.s)
        if not spike[0] and m1 <= 0.0:
            m1 = 1e-300 * fabs(n1)  # rounding must not carry it past a spike
        larger = in_chart(n1, m1, y, y + 2)
        y[1] = x[1] * s * s
        if spike[0]:
            y[0] = 0.0
        if phi != NULL:
            phi[0] = s * r.scale / larger
            by_j = (m1 * s * (n * r.c_j + m * (r.s + j * r.s_j)) - n1 * (m * r.c_j - n * r.s_j)) / larger
            phi[1] = by_j * p[GAIN]
            phi[2] = 0.0
            phi[3] = s * s
            if psi != NULL:
                # s and x = 1 - s move with tau_mem, and so does J = GAIN i_syn.
                rate = s * (end - t) / (tau * tau) if s > 0.0 else 0.0
                psi[0] = by_j * j / tau + (m1 * (rate * (n * r.c + m * j * r.s) - s * rate * (m * j * r.c - n * j * r.s))
                                           - n1 * rate * (m * j * r.s + n * r.c)) / larger
                psi[1] = -by_j * j / p[C_MEM]
                psi[2] = 0.0
                psi[3] = 2.0 * x[1] * s * rate
                psi[4] = psi[5] = 0.0
        return end

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        cdef double j = p[GAIN] * x[1]
        if held:
            dx[0] = 0.0
        elif x[2] == MEMBRANE:
            dx[0] = ((x[0] - 1.0) * x[0] + j) / p[TAU]
        else:
            dx[0] = (1.0 + x[0] * (1.0 + j * x[0])) / p[TAU]
        dx[1] = -2.0 * x[1] / p[TAU]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        x[1] += weight
        if by_x != NULL:
            identity(by_x, 2)
            by_w[0] = 0.0
            by_w[1] = 1.0
            if by_p != NULL:
                zeros(by_p, 6)
        return 0


cdef class QIFDelta(QuadraticFlow):
    """Inputs that move the membrane, and a constant current; the state is u or q, and its chart."""

    def __cinit__(self):
        self.dim = 1
        self.n_state = 2

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef double tau = p[TAU], j = p[DRIVE] - 0.25, n, m, w, n1, m1, w1, larger, at, part, by_j, by_x
        cdef Rotation r
        spike[0] = False
        if held:
            y[0] = x[0]
            y[1] = x[1]
            if phi != NULL:
                phi[0] = 1.0
                if psi != NULL:
                    zeros(psi, 3)
            return end
        homogeneous(x[0], x[1], &n, &m)
        w = n - 0.5 * m
        at = pole(w, m, j)
        if t + tau * at < end:
            spike[0] = True
            end = t + tau * at
            part = at
        else:
            part = (end - t) / tau
        if part == INFINITY:
            y[0] = x[0]
            y[1] = x[1]
            return end
        rotation(j, part, &r)
        w1 = w * r.c + m * j * r.s
        m1 = m * r.c - w * r.s
        if spike[0]:
            m1 = 0.0
        elif m1 < 0.0 or (m1 == 0.0 and w1 > 0.0):
            m1 = 1e-300 * fabs(w1)
        n1 = w1 + 0.5 * m1
        larger = in_chart(n1, m1, y, y + 1)
        if spike[0]:
            y[0] = 0.0
        if phi != NULL:
            phi[0] = r.scale / larger
            if psi != NULL:
                by_j = (m1 * (w * r.c_j + m * (r.s + j * r.s_j)) - w1 * (m * r.c_j - w * r.s_j)) / larger
                by_x = (m1 * (-w * j * r.s + m * j * r.c) + w1 * (m * j * r.s + w * r.c)) / larger
                psi[0] = by_j * p[DRIVE] / tau - by_x * part / tau
                psi[1] = -by_j * p[DRIVE] / p[C_MEM]
                psi[2] = by_j * p[GAIN]
        return end

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        if held:
            dx[0] = 0.0
        elif x[1] == MEMBRANE:
            dx[0] = ((x[0] - 1.0) * x[0] + p[DRIVE]) / p[TAU]
        else:
            dx[0] = (1.0 + x[0] * (1.0 + p[DRIVE] * x[0])) / p[TAU]
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        cdef double n, m, larger = 1.0
        if held:
            m = 0.0
        else:
            homogeneous(x[0], x[1], &n, &m)
            if m > 0.0:
                larger = in_chart(n + m * weight / p[SPAN], m, x, x + 1)
        if by_x != NULL:
            by_x[0] = 1.0 / larger
            by_w[0] = m * m / (p[SPAN] * larger)
            if by_p != NULL:
                zeros(by_p, 3)
        return 0
