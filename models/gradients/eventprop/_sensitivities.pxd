"""Sensitivities and adjoints of EventProp between two events.

Forward, from one event of a unit to the next, a time s apart, membrane and current follow `lif/flow.pxd`.
Their derivatives in the time constants, at fixed spike times, follow

    d i / d tau_syn:   e' = -e / tau_syn + i / tau_syn^2
    d v / d tau_syn:   c' = -c / tau_mem + e / c_mem
    d v / d tau_mem:   m' = -m / tau_mem + (v - v_leak) / tau_mem^2

Backward, the adjoints l_v = dL/dv and l_i = dL/di follow, over the same time,

    l_i <- l_i e^(-s/tau_syn) + l_v kappa(s)           l_v <- l_v e^(-s/tau_mem)
"""

from libc.math cimport INFINITY, exp

from eventsim.models.lif.flow cimport Cell, flow, kappa, slope, stationary
from eventsim.models.gradients.eventprop._tape cimport MembraneMaximum


cdef struct Sensitivity:
    # dv/dtau_mem, dv/dtau_syn and di/dtau_syn of one unit
    double v_mem, v_syn, i_syn


cdef inline double second_remainder(double x) noexcept nogil:
    """Return (x - 1 + e^-x) / x^2 for |x| <= 1/2 by its Taylor series, free of cancellation."""
    if -0.01 < x < 0.01:
        return 1.0 / 2 - x * (1.0 / 6 - x * (1.0 / 24 - x * (1.0 / 120 - x * (1.0 / 720 - x / 5040))))
    return 1.0 / 2 - x * (1.0 / 6 - x * (1.0 / 24 - x * (1.0 / 120 - x * (1.0 / 720 - x * (
        1.0 / 5040 - x * (1.0 / 40320 - x * (1.0 / 362880 - x * (1.0 / 3628800 - x * (
            1.0 / 39916800 - x * (1.0 / 479001600 - x * (1.0 / 6227020800.0 - x / 87178291200.0)))))))))))


cdef inline void integrals(const Cell *c, double s, double em, double es, double ka,
                           double *first, double *second) noexcept nogil:
    """Set e^(-s/tau_mem) / c_mem times the integrals over (0, s) of t e^(-r t), and of (1 - e^(-r t)) / r."""
    cdef double r = c.rate_gap, x = r * s
    if x > 0.5 or x < -0.5:
        first[0] = (em - (1.0 + x) * es) / (r * r * c.c_mem)
        second[0] = ((x - 1.0) * em + es) / (r * r * c.c_mem)
    else:
        second[0] = s * s * em * second_remainder(x) / c.c_mem
        first[0] = s * ka - second[0]


cdef inline void advance_sensitivity(const Cell *c, double v, double i, double s, double em, double es,
                                     double ka,
                                     Sensitivity *to) noexcept nogil:
    """Advance the sensitivities by s without input, from membrane v and current i at the start.

    em and es are the decays e^(-s/tau_mem) and e^(-s/tau_syn); ka is kappa(s).
    """
    cdef double first, second
    integrals(c, s, em, es, ka, &first, &second)
    to.v_mem = to.v_mem * em + c.rate_mem * ((c.v_inf - c.v_leak) * (1.0 - em)
                                             + c.rate_mem * ((v - c.v_inf) * s * em + i * second))
    to.v_syn = to.v_syn * em + to.i_syn * ka + i * c.rate_syn * c.rate_syn * first
    to.i_syn = (to.i_syn + i * s * c.rate_syn * c.rate_syn) * es


cdef inline void decay_refractory(const Cell *c, double *i, double s, Sensitivity *to) noexcept nogil:
    """Let the current decay for a time s within the refractory time."""
    cdef double es = exp(-s * c.rate_syn)
    to.i_syn = (to.i_syn + i[0] * s * c.rate_syn * c.rate_syn) * es
    i[0] *= es


cdef inline void note_maximum(const Cell *c, double v, double i, double t, double s, bint constants,
                              const Sensitivity *sensitivity, MembraneMaximum *maximum) noexcept nogil:
    """Keep the maximum of the membrane inside of (t, t + s), if there is one and it is the largest so far."""
    cdef double peak, v_peak = v, i_peak = i
    cdef Sensitivity to
    if slope(c, v, i) <= 0.0:
        return
    peak = stationary(c, v, i)
    if not 0.0 < peak < s:
        return
    flow(c, peak, &v_peak, &i_peak)
    if v_peak <= maximum.value:
        return
    maximum.value, maximum.time, maximum.rise, maximum.synapse = v_peak, t + peak, 0.0, -1
    if constants:
        to = sensitivity[0]
        advance_sensitivity(c, v, i, peak, exp(-peak * c.rate_mem), exp(-peak * c.rate_syn), kappa(c, peak),
                            &to)
        maximum.by_mem, maximum.by_syn = to.v_mem, to.v_syn


cdef inline void note_last_maximum(const Cell *c, double v, double i, double t, double until, bint constants,
                                   const Sensitivity *sensitivity, MembraneMaximum *maximum) noexcept nogil:
    """Keep the membrane maximum from the last arrival to the end of the run, if it is the largest so far."""
    cdef double s = until - t, v_end = v, i_end = i
    cdef Sensitivity to = sensitivity[0]
    note_maximum(c, v, i, t, s, constants, sensitivity, maximum)
    if s == INFINITY:
        if c.v_inf > maximum.value:  # approached from below for ever
            maximum.value, maximum.time, maximum.rise, maximum.synapse = c.v_inf, INFINITY, 0.0, -1
            maximum.by_mem, maximum.by_syn = (c.v_inf - c.v_leak) * c.rate_mem, 0.0
        return
    flow(c, s, &v_end, &i_end)
    if v_end > maximum.value:
        maximum.value, maximum.time, maximum.rise, maximum.synapse = v_end, until, 0.0, -1
        if constants:
            advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
            maximum.by_mem, maximum.by_syn = to.v_mem, to.v_syn
