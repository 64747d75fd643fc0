"""Records of the gradient walk, and how sensitivities and adjoints move from one event to the next.

Forward, from one event of a unit to the next, a time s apart, membrane and current follow `_lif_flow`. What
they would change by per change of a time constant, all spike times held, follows

    d i / d tau_syn:   e' = -e / tau_syn + i / tau_syn^2
    d v / d tau_syn:   c' = -c / tau_mem + e / c_mem
    d v / d tau_mem:   m' = -m / tau_mem + (v - v_leak) / tau_mem^2

Backward, the adjoints l_v = dL/dv and l_i = dL/di follow, over the same time,

    l_i <- l_i e^(-s/tau_syn) + l_v kappa(s)           l_v <- l_v e^(-s/tau_mem)
"""

from libc.math cimport exp
from libc.stdint cimport int32_t

from eventsim.models._lif_flow cimport Cell


cdef struct Mark:
    # A spike on the tape: 48 bytes.
    double time
    double inverse      # 1 / v' just before it; 0 if no membrane decides when it comes, inf if it grazes
    double restart      # v' when its refractory time ends
    double by_mem       # dv/dtau_mem and dv/dtau_syn just before it, since the spike before
    double by_syn
    int32_t unit
    int32_t before      # the unit's spike before it, -1 if there is none


cdef struct Train:
    Mark *mark
    Py_ssize_t n, room


cdef struct Arrival:
    double time
    int32_t synapse     # counted through the synapses of all populations, target by target
    int32_t spike       # counted through the spikes of the sample, population by population


cdef struct Link:
    # A projection, source by source: synapses first[i] .. first[i + 1] - 1 of its rows leave unit i.
    int pre
    const int32_t *first
    const int32_t *target
    const int32_t *synapse
    const double *delay         # of each synapse, rising within a row if `rising`; NULL if rows share one
    const double *row_delay
    double least, most          # delay
    bint rising


cdef struct Group:
    # A population; its units are base .. base + n - 1 of all.
    int n, base, n_links, stride
    bint source, once
    Link *links
    Cell *cells
    const double *v_init
    const double *i_init


cdef struct Slot:
    # Gradients of one synapse: in its weight and in its delay.
    double weight, delay


cdef struct Sense:
    # Sensitivities to the time constants
    double v_mem, v_syn, i_syn


cdef inline void sense(const Cell *c, double v, double i, double s, Sense *to) noexcept nogil:
    """Advance the sensitivities by s without input, from membrane v and current i at the start."""
    cdef double em = exp(-s * c.rate_mem), es = exp(-s * c.rate_syn)
    cdef double r = c.rate_gap, x = r * s, kappa, first, second, term
    cdef double a = v - c.v_inf
    cdef int n
    # e^(-s/tau_mem) times the integrals over (0, s) of e^(-r t), of t e^(-r t), and of (1 - e^(-r t)) / r
    if x > 0.5 or x < -0.5:
        kappa = (em - es) / r
        first = (em - (1.0 + x) * es) / (r * r)
        second = ((x - 1.0) * em + es) / (r * r)
    else:
        # Taylor series in -x, free of cancellation: 1/(n+1)!, (n+1)/(n+2)!, 1/(n+2)!
        kappa = first = second = 0.0
        term = 1.0  # (-x)^n / n!
        for n in range(16):
            kappa += term / (n + 1)
            first += term / (n + 2)
            second += term / ((n + 1) * (n + 2))
            term *= -x / (n + 1)
        kappa *= s * em
        first *= s * s * em
        second *= s * s * em
    to.v_mem = (to.v_mem * em
                + (c.rate_mem * (c.v_inf - c.v_leak) * (1.0 - em)
                   + c.rate_mem * c.rate_mem * (a * s * em + i * second / c.c_mem)))
    to.v_syn = to.v_syn * em + (to.i_syn * kappa + i * c.rate_syn * c.rate_syn * first) / c.c_mem
    to.i_syn = to.i_syn * es + i * s * c.rate_syn * c.rate_syn * es


cdef inline void rest(const Cell *c, double *i, double s, Sense *to) noexcept nogil:
    """Let the current decay for a time s of refractoriness."""
    cdef double es = exp(-s * c.rate_syn)
    to.i_syn = (to.i_syn + i[0] * s * c.rate_syn * c.rate_syn) * es
    i[0] *= es
