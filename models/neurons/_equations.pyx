# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The equations of the nonlinear neurons; parameters are in the order of `PARAMETERS` of each model."""

from libc.math cimport INFINITY, exp, fabs, fmax, fmin
from libc.math cimport pow as power

from eventsim.models.neurons.series cimport MOST_TERMS, SeriesDynamics, polynomial, product

cdef extern from "eventsim/models/neurons/_series.h" nogil:
    void exponential_terms "eventsim_exponential_terms"(int order, double rest, double first, double to_slope,
                                                        double upstroke, double delta_t, double g_leak,
                                                        const double *inverse, const double *i, double *v)


cdef enum:
    MOST_RISES = 1000

cdef double[MOST_TERMS + 1] INVERSE
cdef int _k
INVERSE[0] = 0.0
for _k in range(1, MOST_TERMS + 1):
    INVERSE[_k] = 1.0 / _k


cdef void exponential_series(
        const double *x, const double *p, bint held, int order, double tau_syn, double a, double tau_w, double *v,
        double *i, double *w) noexcept nogil:
    """Expand v, i, and the adaptation w unless it is NULL; p begins as those of AdEx do."""
    cdef double e[MOST_TERMS]           # exp((v - v_t) / delta_t)
    cdef double slope[MOST_TERMS]       # its exponent's
    cdef double rest, next, to_slope, upstroke, syn = -1.0 / tau_syn, adaptation = 1.0 / tau_w
    cdef int k
    v[0], i[0] = x[0], x[1]
    for k in range(order):
        i[k + 1] = i[k] * (syn * INVERSE[k + 1])
    if held:
        for k in range(order):
            v[k + 1] = 0.0
            if w != NULL:
                w[k + 1] = (a * (x[0] - p[2] if k == 0 else 0.0) - w[k]) * (adaptation * INVERSE[k + 1])
        return
    to_slope = 1.0 / (p[0] * p[4])
    upstroke = p[1] * p[4] * to_slope
    e[0] = exp((x[0] - p[3]) / p[4])
    rest = p[1] * (p[2] - x[0]) + p[7] + i[0]
    if w == NULL:
        exponential_terms(order, rest, e[0], to_slope, upstroke, p[4], p[1], INVERSE, i, v)
        return
    for k in range(order):
        next = INVERSE[k + 1]
        rest -= w[k]
        w[k + 1] = (a * (v[k] - p[2] if k == 0 else v[k]) - w[k]) * (adaptation * next)
        slope[k] = rest * to_slope + upstroke * e[k]
        v[k + 1] = slope[k] * (p[4] * next)
        rest = i[k + 1] - p[1] * v[k + 1]
        e[k + 1] = product(slope, e, k) * next


cdef inline double opposed(const double *x, const double *p, double w) noexcept nogil:
    """Return the current besides the exponential one; p begins as those of AdEx do."""
    return p[1] * (p[2] - x[0]) + p[7] + x[1] - w


cdef bint exponential_rises(const double *x, const double *p, double w) noexcept nogil:
    """Return whether the exponential current is four times all others, so that a spike is near.

    Before, an input would come too often while the way to the peak is gone in vain.
    """
    cdef double u = (x[0] - p[3]) / p[4]
    return u > 4.0 and p[1] * p[4] * exp(u) >= 4.0 * fabs(opposed(x, p, w))


cdef double exponential_rise(
        double *x, const double *p, double tolerance, int order, double tau_syn, double a, double tau_w,
        double *adaptation) noexcept nogil:
    """Bring the state to the peak, return how long that takes; -1 if it turns round.

    The membrane is the independent variable, s = (v - v there) / delta_t, and time follows (Henon 1982): one step
    passes several delta_t, where a step in time covers a fixed part of what is left up to the divergence.
    """
    cdef double current[MOST_TERMS]     # of the membrane
    cdef double rate[MOST_TERMS]        # dt/ds
    cdef double time[MOST_TERMS]
    cdef double i[MOST_TERMS]
    cdef double w[MOST_TERMS]
    cdef double pull[MOST_TERMS]        # tau_w dw/dt
    cdef double spent = 0.0, h, left, e, next, error, per_current, v = x[0]
    cdef double syn = -1.0 / tau_syn, slow = 1.0 / tau_w
    cdef int k, _trial
    order = min(order + 5, MOST_TERMS - 2)     # pays off in long steps
    for _trial in range(MOST_RISES):
        left = (p[5] - v) / p[4]
        e = p[1] * p[4] * exp((v - p[3]) / p[4])
        time[0], i[0], w[0] = 0.0, x[1], 0.0 if adaptation == NULL else adaptation[0]
        x[0] = v
        current[0] = e + opposed(x, p, w[0])
        if not current[0] > 0.0:
            return -1.0
        pull[0] = a * (v - p[2]) - w[0]
        per_current = 1.0 / current[0]
        rate[0] = p[0] * p[4] * per_current
        for k in range(order):
            next = INVERSE[k + 1]
            time[k + 1] = rate[k] * next
            i[k + 1] = product(i, rate, k) * (next * syn)
            w[k + 1] = 0.0
            if adaptation != NULL:
                w[k + 1] = product(pull, rate, k) * (next * slow)
            pull[k + 1] = (a * p[4] if k == 0 else 0.0) - w[k + 1]
            e *= next
            current[k + 1] = e - (p[1] * p[4] if k == 0 else 0.0) + i[k + 1] - w[k + 1]
            rate[k + 1] = 0.0           # so that the product leaves it out
            rate[k + 1] = -product(current, rate, k + 1) * per_current
        error = fmax(fabs(time[order]) * p[1] / p[0], fabs(i[order]) / fmax(1.0, fabs(i[0])))
        error = fmax(error, fabs(w[order]) / fmax(1.0, fabs(w[0])))
        h = INFINITY if error == 0.0 else power(tolerance / error, INVERSE[order])
        error = fabs(time[order - 1]) * p[1] / p[0]
        if error > 0.0:
            h = fmin(h, power(tolerance / error, INVERSE[order - 1]))
        if not h > 0.0:
            return -1.0
        v = p[5] if h >= left else v + h * p[4]
        h = fmin(h, left)
        spent += polynomial(time, order, h)
        x[1] = polynomial(i, order, h)
        if adaptation != NULL:
            adaptation[0] = polynomial(w, order, h)
        if v >= p[5]:
            x[0] = p[5]
            return spent
    return -1.0


cdef void exponential_rate(const double *p, int order, const double *v, const double *i, const double *w,
                           double *rate) noexcept nogil:
    """Expand the derivative of dv/dt in v; the exponential current is what the others leave of c_mem dv/dt."""
    cdef double gain = 1.0 / (p[0] * p[4]), e
    cdef int k
    for k in range(order):
        e = (k + 1) * v[k + 1] * p[0] - i[k] + p[1] * v[k]
        if w != NULL:
            e += w[k]
        if k == 0:
            e -= p[1] * p[2] + p[7]
        rate[k] = e * gain
    rate[0] -= p[1] / p[0]


cdef void exponential_forcing(const double *p, int order, const double *v, const double *rate, int n_variables,
                              double *b) noexcept nogil:
    """Expand the derivatives of dv/dt in c_mem, g_leak, v_leak, v_t, delta_t and i_ext, the first of p of both models."""
    cdef double e[MOST_TERMS]           # exp((v - v_t) / delta_t)
    cdef double over[MOST_TERMS]        # its exponent
    cdef double c = 1.0 / p[0], first
    cdef int k, width = n_variables * order
    for k in range(order):
        first = 1.0 if k == 0 else 0.0
        e[k] = rate[k] * p[0] / p[1] + first
        over[k] = (v[k] - first * p[3]) / p[4]
        b[k] = -(k + 1) * v[k + 1] * c
        b[width + k] = (first * p[2] - v[k] + p[4] * e[k]) * c
        b[2 * width + k] = first * p[1] * c
        b[3 * width + k] = -p[1] * e[k] * c
        b[4 * width + k] = p[1] * (e[k] - product(e, over, k)) * c
        b[7 * width + k] = first * c


cdef inline void decay_forcing(int order, const double *i, double tau_syn, double *b) noexcept nogil:
    """Expand the derivative of di_syn/dt in tau_syn."""
    cdef int k
    for k in range(order):
        b[k] = i[k] / (tau_syn * tau_syn)


cdef class AdExEquations(SeriesDynamics):
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

    cdef double peak(self, const double *p) noexcept nogil:
        return p[5]

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        cdef double *w = c + 2 * (order + 1)
        w[0] = x[2]
        exponential_series(x, p, held, order, p[8], p[10], p[12], c, c + order + 1, w)
        return 0

    def __cinit__(self):
        self.differentiates = True

    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil:
        exponential_rate(p, order, c, c + order + 1, c + 2 * (order + 1), rate)
        constant[0], constant[1], constant[2] = 0.0, 1.0 / p[0], -1.0 / p[0]
        constant[3], constant[4], constant[5] = 0.0, -1.0 / p[8], 0.0
        constant[6], constant[7], constant[8] = p[10] / p[12], 0.0, -1.0 / p[12]
        return 0

    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil:
        cdef const double *w = c + 2 * (order + 1)
        cdef double *by_w = b + 2 * order
        cdef int k, width = 3 * order
        if not held:
            exponential_forcing(p, order, c, rate, 3, b)
        decay_forcing(order, c + order + 1, p[8], b + 8 * width + order)
        for k in range(order):
            by_w[10 * width + k] = (c[k] - (p[2] if k == 0 else 0.0)) / p[12]
            by_w[12 * width + k] = -(k + 1) * w[k + 1] / p[12]
        by_w[2 * width] = -p[10] / p[12]
        return 0

    cdef bint rises(self, const double *x, const double *p) noexcept nogil:
        return exponential_rises(x, p, x[2])

    cdef double rise(self, double *x, const double *p, double tolerance, int order) noexcept nogil:
        return exponential_rise(x, p, tolerance, order, p[8], p[10], p[12], x + 2)


cdef class ExponentialEquations(SeriesDynamics):
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

    cdef double peak(self, const double *p) noexcept nogil:
        return p[5]

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        exponential_series(x, p, held, order, p[8], 0.0, 1.0, c, c + order + 1, NULL)
        return 0

    def __cinit__(self):
        self.differentiates = True

    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil:
        exponential_rate(p, order, c, c + order + 1, NULL, rate)
        constant[0], constant[1], constant[2], constant[3] = 0.0, 1.0 / p[0], 0.0, -1.0 / p[8]
        return 0

    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil:
        if not held:
            exponential_forcing(p, order, c, rate, 2, b)
        decay_forcing(order, c + order + 1, p[8], b + 8 * (2 * order) + order)
        return 0

    cdef bint rises(self, const double *x, const double *p) noexcept nogil:
        return exponential_rises(x, p, 0.0)

    cdef double rise(self, double *x, const double *p, double tolerance, int order) noexcept nogil:
        return exponential_rise(x, p, tolerance, order, p[8], 0.0, 1.0, NULL)


cdef class QuadraticEquations(SeriesDynamics):
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

    cdef double peak(self, const double *p) noexcept nogil:
        return p[4]

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        cdef double *i = c + order + 1
        cdef double above_rest[MOST_TERMS]
        cdef double above_start[MOST_TERMS]
        cdef int k
        c[0], i[0] = x[0], x[1]
        above_rest[0], above_start[0] = x[0] - p[2], x[0] - p[3]
        for k in range(order):
            c[k + 1] = 0.0
            if not held:
                c[k + 1] = (p[1] * product(above_rest, above_start, k) + i[k] + (p[6] if k == 0 else 0.0)) / (p[0] * (k + 1))
            above_rest[k + 1] = above_start[k + 1] = c[k + 1]
            i[k + 1] = -i[k] / (p[7] * (k + 1))
        return 0

    def __cinit__(self):
        self.differentiates = True

    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil:
        cdef int k
        for k in range(order):
            rate[k] = p[1] * (2.0 * c[k] - (p[2] + p[3] if k == 0 else 0.0)) / p[0]
        constant[0], constant[1], constant[2], constant[3] = 0.0, 1.0 / p[0], 0.0, -1.0 / p[7]
        return 0

    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil:
        cdef double above_rest[MOST_TERMS]
        cdef double above_start[MOST_TERMS]
        cdef int k, width = 2 * order
        decay_forcing(order, c + order + 1, p[7], b + 7 * width + order)
        if held:
            return 0
        for k in range(order):
            above_rest[k] = c[k] - (p[2] if k == 0 else 0.0)
            above_start[k] = c[k] - (p[3] if k == 0 else 0.0)
            b[k] = -(k + 1) * c[k + 1] / p[0]
            b[width + k] = product(above_rest, above_start, k) / p[0]
            b[2 * width + k] = -p[1] * above_start[k] / p[0]
            b[3 * width + k] = -p[1] * above_rest[k] / p[0]
        b[6 * width] = 1.0 / p[0]
        return 0


cdef class IzhikevichEquations(SeriesDynamics):
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

    cdef double peak(self, const double *p) noexcept nogil:
        return p[4]

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        cdef double *i = c + order + 1
        cdef double *u = i + order + 1
        cdef double dv
        cdef int k
        c[0], i[0], u[0] = x[0], x[1], x[2]
        for k in range(order):
            dv = 0.0
            if not held:
                dv = 0.04 * product(c, c, k) + 5.0 * c[k] - u[k] + i[k] + (140.0 + p[5] if k == 0 else 0.0)
            c[k + 1] = dv / (k + 1)
            i[k + 1] = -i[k] / (p[6] * (k + 1))
            u[k + 1] = p[0] * (p[1] * c[k] - u[k]) / (k + 1)
        return 0

    def __cinit__(self):
        self.differentiates = True

    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil:
        cdef int k
        for k in range(order):
            rate[k] = 0.08 * c[k] + (5.0 if k == 0 else 0.0)
        constant[0], constant[1], constant[2] = 0.0, 1.0, -1.0
        constant[3], constant[4], constant[5] = 0.0, -1.0 / p[6], 0.0
        constant[6], constant[7], constant[8] = p[0] * p[1], 0.0, -p[0]
        return 0

    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil:
        cdef const double *u = c + 2 * (order + 1)
        cdef int k, width = 3 * order
        decay_forcing(order, c + order + 1, p[6], b + 6 * width + order)
        for k in range(order):
            b[2 * order + k] = p[1] * c[k] - u[k]
            b[width + 2 * order + k] = p[0] * c[k]
        if not held:
            b[5 * width] = 1.0
        return 0
