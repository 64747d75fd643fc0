"""Pairs of a mode and a synapse with close rates: their part of the potential of a compartment.

A pair with rates lam and mu adds factor * response(lam, mu, s) at a time s; see `_modes.pxd`. The functions
return, summed over n pairs, the value and the slope at s, and upper bounds of value and curvature from s on.
"""

from libc.math cimport exp, fmax, fmin

from eventsim.models.dendrites._modes cimport response


cdef struct NearPair:
    double factor, lam, mu


cdef inline double near_value(const NearPair *pair, int n, double s) noexcept nogil:
    """Return the value at s."""
    cdef int k
    cdef double x = 0.0
    for k in range(n):
        x += pair[k].factor * response(pair[k].lam, pair[k].mu, s)
    return x


cdef inline double near_slope(const NearPair *pair, int n, double s) noexcept nogil:
    """Return the slope at s."""
    cdef int k
    cdef double x = 0.0
    for k in range(n):
        x += pair[k].factor * (exp(-pair[k].mu * s) - pair[k].lam * response(pair[k].lam, pair[k].mu, s))
    return x


cdef inline double near_upper(const NearPair *pair, int n, double s) noexcept nogil:
    """Return an upper bound of the value from s on."""
    cdef int k
    cdef double x = 0.0, low
    for k in range(n):
        if pair[k].factor > 0.0:
            low = fmin(pair[k].lam, pair[k].mu)
            # s e^(-low s) bounds the response and is largest at 1 / low
            x += pair[k].factor * (response(pair[k].lam, pair[k].mu, s) if s * low > 1.01 else 0.37 / low)
    return x


cdef inline double near_bend(const NearPair *pair, int n, double s) noexcept nogil:
    """Return an upper bound of the curvature from s on."""
    cdef int k
    cdef double x = 0.0, q, lam, mu, low
    for k in range(n):
        q, lam, mu = pair[k].factor, pair[k].lam, pair[k].mu
        low = fmin(lam, mu)
        if q > 0.0:  # lam^2 response - (lam + mu) e^(-mu s): largest, 0.0498 lam for equal rates, at 3 / lam
            x += q * (lam * lam * response(lam, mu, s) if s * low > 3.1 else 0.06 * fmax(lam, mu))
        elif q < 0.0:
            x -= q * (lam + mu) * exp(-low * s)
    return x
