"""The flow of a quadratic membrane, in homogeneous coordinates u = n / m, where it is linear.

With s = e^(-t/tau) a decaying current gives tau du/dt = u^2 - u + J s^2. With x = 1 - s, C = cos(sqrt(J) x) and
S = sin(sqrt(J) x) / sqrt(J), both entire functions of J, and cosh and sinh where J is negative,

    n(x) = s (n C + m J S)        m(x) = m C - n S        u = inf where m passes 0

This is v = -z tan(z - phi) with z = sqrt(J) s and its forms with tanh and coth in one, smooth at J = 0.
A constant current gives the same for w = u - 1/2 with x = t / tau, J - 1/4 in place of J, and s = 1.
"""

from libc.math cimport INFINITY, atan2, atanh, cos, exp, expm1, fabs, log1p, sin, sqrt

cdef enum:
    MEMBRANE = 0        # the chart u
    INVERSE = 1         # the chart q = -1 / u, which passes 0 from below at a spike


cdef struct Rotation:
    # C and S, both over cosh(sqrt(-J) x) where J x^2 is clearly negative; their derivatives in J and x likewise.
    double c, s
    double c_j, s_j
    double scale        # what C^2 + J S^2 is: 1, or 1 / cosh^2


cdef inline void homogeneous(double y, double chart, double *n, double *m) noexcept nogil:
    """Write u as n / m with m >= 0; just after a spike it is -1 / 0."""
    if chart == MEMBRANE:
        n[0] = y
        m[0] = 1.0
    elif y >= 0.0:
        n[0] = -1.0
        m[0] = y
    else:
        n[0] = 1.0
        m[0] = -y


cdef inline double in_chart(double n, double m, double *y, double *chart) noexcept nogil:
    """Put n / m into the chart where it is at most 1; returns the square of the larger of both."""
    if fabs(n) <= fabs(m):
        y[0] = n / m
        chart[0] = MEMBRANE
        return m * m
    y[0] = -m / n
    chart[0] = INVERSE
    return n * n


cdef inline void rotation(double j, double x, Rotation *r) noexcept nogil:
    cdef double square = j * x * x, a, e
    if square > 0.05:
        a = sqrt(j)
        r.c = cos(a * x)
        r.s = sin(a * x) / a
        r.scale = 1.0
        r.s_j = (x * r.c - r.s) / (2.0 * j)
    elif square < -0.05:
        a = sqrt(-j)
        e = exp(-2.0 * a * x)
        r.c = 1.0
        r.s = -expm1(-2.0 * a * x) / (1.0 + e) / a
        r.scale = 4.0 * e / ((1.0 + e) * (1.0 + e))
        r.s_j = (x - r.s) / (2.0 * j)
    else:  # series, exact to rounding
        r.c = 1.0 - square * (1.0 / 2 - square * (1.0 / 24 - square * (1.0 / 720 - square * (
            1.0 / 40320 - square * (1.0 / 3628800)))))
        r.s = x * (1.0 - square * (1.0 / 6 - square * (1.0 / 120 - square * (1.0 / 5040 - square * (
            1.0 / 362880 - square * (1.0 / 39916800))))))
        r.scale = 1.0
        r.s_j = x * x * x * (-1.0 / 6 + square * (1.0 / 60 - square * (1.0 / 1680 - square * (
            1.0 / 90720 - square * (1.0 / 7983360)))))
    r.c_j = -0.5 * x * r.s


cdef inline double pole(double n, double m, double j) noexcept nogil:
    """Return the least x > 0 (or >= 0) at which m(x) passes 0, inf if there is none; m >= 0."""
    cdef double a
    if j > 0.0:
        a = sqrt(j)
        return atan2(a * m, n) / a
    if n <= 0.0:
        return INFINITY
    if j < 0.0:
        a = sqrt(-j) * m / n
        return atanh(a) / sqrt(-j) if a < 1.0 else INFINITY
    return m / n
