"""The equations of a neuron that give the Taylor series of its state."""

from libc.math cimport INFINITY, fabs, isfinite
from libc.math cimport pow as power

from eventsim.models.neurons.dynamics cimport Dynamics

cdef enum:
    MOST_TERMS = 24             # of a series
    MOST_NEWTON_STEPS = 100


cdef inline double polynomial(const double *c, int order, double h) noexcept nogil:
    """Return a polynomial at h."""
    cdef double y = c[order]
    cdef int k
    for k in range(order - 1, -1, -1):
        y = y * h + c[k]
    return y


cdef inline double product(const double *a, const double *b, int k) noexcept nogil:
    """Return coefficient k of the product of two series; what was known first is added first, as two sums at once."""
    cdef double even = 0.0, odd = 0.0
    cdef int low = k // 2, high = k - k // 2
    # From the middle outwards: a recurrence has the outermost terms last.
    if k % 2 == 0:
        even = a[low] * b[low]
        low -= 1
        high += 1
    while low >= 0:
        even += a[high] * b[low]
        odd += a[low] * b[high]
        low -= 1
        high += 1
    return even + odd


cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double length_of(const double *c, int n_variables, int order, double tolerance, double least,
                             double h) noexcept nogil:
    """Return how long a series holds: h if this is about right; nan where the series is not finite."""
    cdef double last = 0.0, before = 0.0, size, y, power_of_h
    cdef int _variable, _power
    for _variable in range(n_variables):
        size = 1.0 / larger(1.0, fabs(c[0]))
        last = larger(last, fabs(c[order]) * size)
        before = larger(before, fabs(c[order - 1]) * size)
        if not isfinite(c[order]):
            return c[order] - c[order]
        c += order + 1
    power_of_h = 1.0
    for _power in range(order - 1):
        power_of_h *= h
    y = larger(before, last * h) * power_of_h
    if least * tolerance <= y <= tolerance:
        return h
    size = INFINITY
    if last > 0.0:
        size = power(tolerance / last, 1.0 / order)
    if before > 0.0:
        y = power(tolerance / before, 1.0 / (order - 1))
        size = y if y < size else size
    return size


cdef inline double not_before(const double *c, int order, double peak, double h) noexcept nogil:
    """Return a time within [0, h] before which the membrane does not reach the peak; inf if it does not at all."""
    cdef double y = larger(c[order], 0.0), slope, step
    cdef int k, _trial
    for k in range(order - 1, 1, -1):
        y = y * h + larger(c[k], 0.0)
    if (y * h + c[1]) * h + c[0] < peak:
        return INFINITY
    # Newton's method from the right on a convex function, which is negative at 0.
    for _trial in range(MOST_NEWTON_STEPS):
        y, slope = larger(c[order], 0.0), 0.0
        for k in range(order - 1, -1, -1):
            slope = slope * h + y
            y = y * h + (larger(c[k], 0.0) if k > 1 else (c[1] if k == 1 else c[0] - peak))
        step = y / slope
        if not (step > 0.0 and h - step < h):
            break
        h -= step
    return larger(h, 0.0)


cdef class SeriesDynamics(Dynamics):
    # Whether `linearise` and `forcing` are there, and an input adds its weight to one variable: then a flow with
    # derivatives follows the series too.
    cdef readonly bint differentiates
    # df/dx along a series c: that of the membrane's slope in the membrane, coefficients 0 to order - 1 to `rate`, and
    # all other entries, which are constant, (n_variables, n_variables) to `constant`, with 0 for the first.
    cdef int linearise(self, const double *p, int order, const double *c, double *rate, double *constant) noexcept nogil
    # df/dp along a series: (n_parameters, n_variables, order) to b, which is 0 before. `rate` is what `linearise` gave.
    cdef int forcing(self, const double *p, bint held, int order, const double *c, const double *rate,
                     double *b) noexcept nogil
    # The potential at which a unit spikes: g is x[0] minus this.
    cdef double peak(self, const double *p) noexcept nogil
    # Coefficients 0 to `order` of the state after a time, (n_variables, order + 1) row by row to c; `held`: x[0] stays.
    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil
    # Whether nothing but an input can keep a state from a spike that is near; no unless given.
    cdef bint rises(self, const double *x, const double *p) noexcept nogil
    # Bring such a state to the peak; return how long that takes, or -1 if it does not come there.
    cdef double rise(self, double *x, const double *p, double tolerance, int order) noexcept nogil
