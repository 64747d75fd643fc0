# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Leaky integrate-and-fire neurons as a flow with derivatives, from the closed forms of `lif/flow.pxd`."""

from libc.math cimport exp, isinf

from eventsim.models.gradients.eventprop._sensitivities cimport Sensitivity, advance_sensitivity
from eventsim.models.lif.flow cimport Cell, complete, first_crossing, flow, kappa, slope
from eventsim.models.neurons.flow cimport Flow, identity, zeros

cdef enum:
    V_TH = 2        # places in p
    FIXED = 4       # c_mem, v_leak, v_reset
    CELL = 7        # a Cell

PARAMETERS = ("tau_mem", "tau_syn", "v_th", "i_ext", "c_mem", "v_leak", "v_reset")
DERIVED = PARAMETERS[:4]


cdef inline const Cell *cell_of(const double *p) noexcept nogil:
    return <const Cell *> (p + CELL)


cdef class LIFFlow(Flow):
    """The state is v, i_syn, or with delta synapses v alone."""

    cdef readonly bint delta

    def __cinit__(self, bint delta=False):
        self.delta = delta
        self.dim = self.n_state = 1 if delta else 2
        self.n_derived = 4
        self.n_parameters = CELL + (sizeof(Cell) + sizeof(double) - 1) // sizeof(double)
        self.closed = True

    cdef int prepare(self, double *p) except -1 nogil:
        cdef Cell *c = <Cell *> (p + CELL)
        c.tau_mem, c.tau_syn, c.v_th, c.i_ext = p[0], p[1], p[2], p[3]
        c.c_mem, c.v_leak, c.v_reset, c.t_ref = p[4], p[5], p[6], 0.0
        complete(c, self.delta)
        return 0

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef const Cell *c = cell_of(p)
        cdef double s, em, es, ka, v = x[0], i = 0.0 if self.delta else x[1]
        cdef Sensitivity by
        spike[0] = False
        if not held:
            s = first_crossing(c, v, i)
            if t + s < end:
                spike[0] = True
                end = t + s
        if isinf(end):
            return end
        s = end - t
        em = exp(-s * c.rate_mem)
        es = 0.0 if self.delta else exp(-s * c.rate_syn)
        y[0] = v
        if held:
            if not self.delta:
                y[1] = i * es
        elif self.delta:
            flow(c, s, &y[0], &i)
        else:
            y[1] = i
            flow(c, s, &y[0], &y[1])
        if spike[0] and s > 0.0:
            y[0] = c.v_th
        if phi == NULL:
            return end
        by.v_mem = by.v_syn = by.i_syn = 0.0
        if self.delta:
            phi[0] = 1.0 if held else em
            if psi != NULL:
                zeros(psi, 4)
                if not held:
                    psi[0] = c.rate_mem * ((c.v_inf - c.v_leak) * (1.0 - em) + c.rate_mem * (v - c.v_inf) * s * em)
                    psi[3] = c.tau_mem / c.c_mem * (1.0 - em)
            return end
        ka = 0.0 if held else kappa(c, s)
        phi[0] = 1.0 if held else em
        phi[1] = ka
        phi[2] = 0.0
        phi[3] = es
        if psi != NULL:
            zeros(psi, 8)
            if held:
                psi[5] = i * s * c.rate_syn * c.rate_syn * es
            else:
                advance_sensitivity(c, v, i, s, em, es, ka, &by)
                psi[0] = by.v_mem
                psi[1] = by.v_syn
                psi[3] = c.tau_mem / c.c_mem * (1.0 - em)
                psi[5] = by.i_syn
        return end

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        cdef const Cell *c = cell_of(p)
        dx[0] = 0.0 if held else slope(c, x[0], 0.0 if self.delta else x[1])
        if not self.delta:
            dx[1] = -x[1] * c.rate_syn
        return 0

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        by_x[0] = 1.0
        if not self.delta:
            by_x[1] = 0.0
        if by_p != NULL:
            zeros(by_p, 4)
            by_p[V_TH] = -1.0
        return 0

    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        x[0] = cell_of(p).v_reset
        if by_x != NULL:
            identity(by_x, self.dim)
            by_x[0] = 0.0
            if by_p != NULL:
                zeros(by_p, 4 * self.dim)
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        cdef bint moves = not (self.delta and held)
        if moves:
            x[self.dim - 1] += weight
        if by_x != NULL:
            identity(by_x, self.dim)
            by_w[0] = 0.0
            by_w[self.dim - 1] = 1.0 if moves else 0.0
            if by_p != NULL:
                zeros(by_p, 4 * self.dim)
        return 0
