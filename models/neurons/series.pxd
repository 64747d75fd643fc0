"""The equations of a neuron that give the Taylor series of its state."""

from eventsim.models.neurons.dynamics cimport Dynamics

cdef enum:
    MOST_TERMS = 24             # of a series


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


cdef class SeriesDynamics(Dynamics):
    # The potential at which a unit spikes: g is x[0] minus this.
    cdef double peak(self, const double *p) noexcept nogil
    # Coefficients 0 to `order` of the state after a time, (n_variables, order + 1) row by row to c; `held`: x[0] stays.
    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil
    # Whether nothing but an input can keep a state from a spike that is near; no unless given.
    cdef bint rises(self, const double *x, const double *p) noexcept nogil
    # Bring such a state to the peak; return how long that takes, or -1 if it does not come there.
    cdef double rise(self, double *x, const double *p, double tolerance, int order) noexcept nogil
