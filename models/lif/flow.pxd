"""The exact flow of a leaky integrate-and-fire neuron, and when it reaches threshold.

Between events, with a = v - v_inf and kappa the response of the membrane to a unit current,

    v(s) = v_inf + a e^(-s/tau_mem) + i kappa(s)          i(s) = i e^(-s/tau_syn)
    kappa(s) = k (e^(-s/tau_mem) - e^(-s/tau_syn)),       k = tau_mem tau_syn / (c_mem (tau_mem - tau_syn))
    kappa(s) = s e^(-s/tau) / c_mem                        for equal constants

The first crossing is a Lambert W for equal constants, a quadratic for tau_mem = 2 tau_syn, and
otherwise a Newton iteration on a branch where v is monotone, which cannot miss the root.
"""

from libc.math cimport INFINITY, exp, expm1, fabs, log, log1p, sqrt

cdef enum Kind:
    GENERAL = 0     # bracketed Newton
    EQUAL = 1       # tau_mem = tau_syn: Lambert W
    DOUBLE = 2      # tau_mem = 2 tau_syn: quadratic
    NEAR = 3        # constants so close that k (e^.. - e^..) would cancel: expm1 form
    DELTA = 4       # inputs are jumps of the membrane, there is no synaptic current


cdef struct Cell:
    double tau_mem, tau_syn, c_mem, v_th, v_leak, v_reset, i_ext, t_ref
    double rate_mem, rate_syn   # 1 / tau_mem, 1 / tau_syn
    double rate_gap             # 1 / tau_syn - 1 / tau_mem, without cancellation
    double k                    # factor of kappa
    double v_inf                # v_leak + i_ext tau_mem / c_mem: where the membrane would settle
    double t_peak, peak         # when kappa is largest, and (an upper bound of) its value
    int kind


cdef inline double kappa(const Cell *c, double s) noexcept nogil:
    """Return the membrane's response to a unit current that started s ago."""
    if c.kind == EQUAL:
        return s * exp(-s * c.rate_mem) / c.c_mem
    if c.kind == DOUBLE:
        s = exp(-s * c.rate_mem)
        return c.k * (s - s * s)
    if c.kind == DELTA:
        return exp(-s * c.rate_mem)
    if c.kind == NEAR:
        return -c.k * exp(-s * c.rate_mem) * expm1(-s * c.rate_gap)
    return c.k * (exp(-s * c.rate_mem) - exp(-s * c.rate_syn))


cdef inline void flow(const Cell *c, double s, double *v, double *i) noexcept nogil:
    """Advance membrane and synaptic current by s without input."""
    cdef double a = v[0] - c.v_inf
    cdef double em = exp(-s * c.rate_mem)
    cdef double es
    if c.kind == DOUBLE:
        es = em * em
        v[0] = c.v_inf + a * em + i[0] * c.k * (em - es)
        i[0] *= es
    elif c.kind == EQUAL:
        v[0] = c.v_inf + (a + i[0] * s / c.c_mem) * em
        i[0] *= em
    elif c.kind == DELTA:
        v[0] = c.v_inf + a * em
    elif c.kind == NEAR:
        v[0] = c.v_inf + a * em - i[0] * c.k * em * expm1(-s * c.rate_gap)
        i[0] *= exp(-s * c.rate_syn)
    else:
        es = exp(-s * c.rate_syn)
        v[0] = c.v_inf + a * em + i[0] * c.k * (em - es)
        i[0] *= es


cdef inline double slope(const Cell *c, double v, double i) noexcept nogil:
    """Return dv/dt."""
    return (c.v_inf - v) * c.rate_mem + i / c.c_mem


cdef inline double lambert_w0(double z) noexcept nogil:
    """Return the principal branch of the Lambert W function for -1/e <= z <= 0, to the last bits.

    Starts from the branch-point series or a rational guess, then Halley's iteration.
    """
    cdef double p, w, e, f, step
    cdef int _n
    if z < -0.25:
        # p^2 = 2 (1 + e z), computed with 1/e in two parts so that p keeps its digits near the branch point.
        p = 2.0 * 2.718281828459045 * ((z + 0.36787944117144233) - 1.2428753672788363e-17)
        p = sqrt(p) if p > 0.0 else 0.0
        w = -1.0 + p * (1.0 + p * (-1.0 / 3.0 + p * (11.0 / 72.0 + p * (-43.0 / 540.0))))
        if p < 1e-3:
            return w  # the series is exact to rounding here, and Halley's divisor vanishes
    else:
        w = z * (1.0 + z * (-1.0 + z * (1.5 - z * 2.6666666666666665))) if z > -0.1 else z / (1.0 + 0.9 * z)
    for _n in range(8):
        e = exp(w)
        f = w * e - z
        step = f / (e * (w + 1.0) - (w + 2.0) * f / (2.0 * w + 2.0))
        w -= step
        if fabs(step) <= 1e-9 * fabs(w):
            break  # convergence is cubic: the next step would be below rounding
    return w


cdef inline double rising_root(const Cell *c, double v, double i, double low, double high) noexcept nogil:
    """Return s in [low, high] with v(s) = v_th, given v(low) < v_th <= v(high) and v rising between."""
    cdef double s = low, v_s, i_s, d, new
    cdef int _n
    for _n in range(200):
        v_s = v
        i_s = i
        flow(c, s, &v_s, &i_s)
        if v_s < c.v_th:
            low = s
        else:
            high = s
        d = slope(c, v_s, i_s)
        new = s + (c.v_th - v_s) / d if d > 0.0 else INFINITY  # at an extremum, where rounding hides the slope: halve
        if not (low < new < high):
            if fabs(new - s) <= 4e-16 * s or high - low <= 4e-16 * high:
                return s
            new = 0.5 * (low + high)
            if new <= low or new >= high:
                return high
        if fabs(new - s) <= 2.5e-16 * new:
            return new
        s = new
    return s


cdef inline double stationary(const Cell *c, double v, double i) noexcept nogil:
    """Return when v has its one extremum without further input; not positive if that lies in the past or nowhere."""
    cdef double a, b, q
    if c.kind == EQUAL:
        return c.tau_mem - (v - c.v_inf) * c.c_mem / i if i != 0.0 else -1.0
    b = i * c.k
    a = (v - c.v_inf) + b
    q = b * c.tau_mem / (a * c.tau_syn) if a != 0.0 else -1.0
    if c.kind == NEAR and q > 0.0:
        # ln of a ratio near one: q - 1 = (b (tau_mem - tau_syn) - (v - v_inf) tau_syn) / (a tau_syn), free of cancellation
        q = (i * c.tau_mem * c.tau_syn / c.c_mem - (v - c.v_inf) * c.tau_syn) / (a * c.tau_syn)
        return log1p(q) / c.rate_gap if q > -1.0 else -1.0
    return log(q) / c.rate_gap if q > 0.0 else -1.0


cdef inline double crossing_bracketed(const Cell *c, double v, double i) noexcept nogil:
    """Return the first crossing for any constants, by bracketing; inf if there is none."""
    cdef double d = slope(c, v, i)
    cdef double low = 0.0, high, s_top, v_s, i_s
    cdef bint subthreshold = c.v_inf < c.v_th
    cdef int _n
    if subthreshold and d <= 0.0:
        return INFINITY
    s_top = stationary(c, v, i)
    if 0.0 < s_top < INFINITY:  # at infinity if the current has all but decayed
        v_s = v
        i_s = i
        flow(c, s_top, &v_s, &i_s)
        if i > 0.0:  # a maximum
            if v_s >= c.v_th:
                return rising_root(c, v, i, 0.0, s_top)
            return INFINITY  # after the maximum v falls to v_inf, or is below it for ever
        low = s_top  # a minimum: v falls first, then rises to v_inf
    if c.v_inf <= c.v_th:
        return INFINITY  # v_inf is approached from below and never reached
    high = low + c.tau_mem
    for _n in range(64):
        v_s = v
        i_s = i
        flow(c, high, &v_s, &i_s)
        if v_s >= c.v_th:
            return rising_root(c, v, i, low, high)
        low = high
        high *= 2.0
    return INFINITY  # v_inf is above threshold by less than rounding


cdef inline bint can_cross(const Cell *c, double v, double i) noexcept nogil:
    """Return False if surely no crossing follows without further input: a few multiplications, no exponential."""
    if c.v_inf >= c.v_th or v >= c.v_th:
        return True
    if i <= 0.0 or slope(c, v, i) <= 0.0:
        return False
    return (v - c.v_inf if v > c.v_inf else 0.0) + i * c.peak >= c.v_th - c.v_inf


cdef inline double decay_to_crossing(const Cell *c, double v, double i) noexcept nogil:
    """Return e^(-s/tau_mem) at the first crossing, for tau_mem = 2 tau_syn and v < v_th; 0 if there is none.

    1 or more says that v is below threshold by less than rounding.
    """
    cdef double th = c.v_th - c.v_inf, a = v - c.v_inf
    # f(x) = (a + b) x - b x^2 - th with x = e^(-s/tau_mem): wanted is the largest root below 1.
    cdef double b = i * c.k, big_a = a + b, disc = big_a * big_a - 4.0 * b * th
    if disc < 0.0:
        return 0.0
    if big_a > 0.0:
        if th > 0.0 and big_a > 2.0 * b:
            return 0.0  # the maximum lies in the past
        return (big_a + sqrt(disc)) / (2.0 * b)
    if th >= 0.0:
        return 0.0
    return 2.0 * th / (big_a - sqrt(disc))


cdef inline double first_crossing(const Cell *c, double v, double i) noexcept nogil:
    """Return the time from now until v reaches v_th from below without further input; inf if never.

    Returns 0 if v is at or above threshold already.
    """
    cdef double th, a, b, x, s, beta, top
    if v >= c.v_th:
        return 0.0
    if not can_cross(c, v, i):
        return INFINITY
    if c.kind == DOUBLE:
        x = decay_to_crossing(c, v, i)
        if x >= 1.0:
            return 0.0
        return -c.tau_mem * log(x) if x > 0.0 else INFINITY
    th = c.v_th - c.v_inf
    a = v - c.v_inf
    if c.kind == EQUAL and th > 0.0:
        # (a + beta s) e^(-s/tau) = th
        beta = i / c.c_mem
        s = c.tau_mem - a / beta  # of the maximum
        if s <= 0.0:
            return INFINITY
        top = beta * c.tau_mem * exp(-s * c.rate_mem)
        if top < th:
            return INFINITY
        x = -c.tau_mem * lambert_w0(-0.36787944117144233 * (th / top)) - a / beta
        # One Newton step takes out the rounding of a / beta against W; not at a tangent, where it would not help.
        v = a + beta * x
        b = beta - v * c.rate_mem
        if b > 1e-3 * beta:
            x += (th * exp(x * c.rate_mem) - v) / b
        return x if x > 0.0 else 0.0
    if c.kind == DELTA:
        return c.tau_mem * log(a / th) if th < 0.0 else INFINITY
    return crossing_bracketed(c, v, i)


cdef inline void complete(Cell *c, bint delta) noexcept nogil:
    """Fill in what follows from the parameters."""
    cdef double ratio = 0.0
    c.rate_mem = 1.0 / c.tau_mem
    c.v_inf = c.v_leak + c.i_ext * c.tau_mem / c.c_mem
    if delta:
        c.kind = DELTA
        c.rate_syn = c.rate_gap = c.k = c.t_peak = 0.0
        c.peak = 0.0
        return
    c.rate_syn = 1.0 / c.tau_syn
    c.rate_gap = (c.tau_mem - c.tau_syn) / (c.tau_mem * c.tau_syn)
    ratio = c.tau_mem / c.tau_syn
    if ratio == 1.0:
        c.kind = EQUAL
        c.k = 0.0
        c.t_peak = c.tau_mem
    else:
        c.k = c.tau_mem * c.tau_syn / (c.c_mem * (c.tau_mem - c.tau_syn))
        if ratio == 2.0:
            c.kind = DOUBLE
        elif fabs(ratio - 1.0) < 0.1:
            c.kind = NEAR
        else:
            c.kind = GENERAL
        c.t_peak = log1p((c.tau_mem - c.tau_syn) / c.tau_syn) / c.rate_gap
    c.peak = kappa(c, c.t_peak) * (1.0 + 1e-12)
