"""The course of a membrane that is linear between spikes, and when it first reaches its threshold.

    c_mem dv/dt = -(c_mem / tau_mem) (v - v_leak) + sum_j (x_j + y_j s) e^(-r_j s) + level + ramp s
                  + sum_k A_k sin(omega_k s + phi_k)
    threshold(s) = v_th + theta e^(-r_th s)

The flow is a closed form for all rates: where r_j is close to 1 / tau_mem, the response is written with expm1 or a
series, so nothing cancels. The crossing is looked for from the left. From bounds of the slope of the current in
what is to come, the curvature of v - threshold is bounded from above; so a parabola lies above it, and no root lies
before that of the parabola. The search goes from root to root; it converges quadratically to the first crossing, up
to the last bits of the time, and cannot step over one.
"""

from libc.math cimport INFINITY, cos, exp, expm1, fabs, fmax, fmin, sin, sqrt

cdef enum:
    MOST_COMPONENTS = 32
    MOST_SINES = 8
    MOST_STEPS = 256            # of one search; then the unit looks again from there


cdef struct LinearCell:
    double rate_mem, c_mem, v_th, v_leak, v_reset, t_ref, i_ext
    double rate_th, jump        # of the threshold's adaptation
    double b                    # current of adaptation by a spike


cdef struct Course:             # a unit from a time on, until something changes
    const LinearCell *cell
    const double *rate          # (n,) of the components
    const double *peak_x        # (n,) largest responses of a membrane with c_mem = 1 to x = 1 and to y = 1
    const double *peak_y
    int n, n_sines
    double[MOST_COMPONENTS] x, y
    double[MOST_SINES] size, omega, phase, gain, lag   # gain: of the membrane; lag: its phase less that of the current
    double look                 # how far bounds of the sines are good
    double level, ramp
    double v, theta, start, duration


cdef struct Sight:              # what is known at a time of a course
    double margin, slope        # v - threshold and its derivative
    double bend                 # upper bound of its second derivative within `look`
    double top                  # upper bound of the margin within the duration
    double v, current


cdef inline double response_x(double r_mem, double r, double s, double em, double er) noexcept nogil:
    """Return the response of a membrane with c_mem = 1 at s to e^(-r s); em and er are the decays at s."""
    cdef double d = r_mem - r
    cdef double z = d * s
    if fabs(z) < 0.5:
        return em * s * (expm1(z) / z if z != 0.0 else 1.0)
    return (er - em) / d


cdef inline double response_y(double r_mem, double r, double s, double em, double er) noexcept nogil:
    """Return the response of a membrane with c_mem = 1 at s to s e^(-r s)."""
    cdef double d = r_mem - r
    cdef double z = d * s, term = 1.0, total = 0.5
    cdef int k
    if fabs(z) >= 1.0:
        return (er * (z - 1.0) + em) / (d * d)
    for k in range(1, 20):      # the integral of u e^(z u) over [0, 1]
        term *= z / k
        total += term / (k + 2.0)
    return em * s * s * total


cdef inline void flow(Course *q, double s) noexcept nogil:
    """Go a time `s` > 0 along a course; its currents over time stay as they were at the start."""
    cdef const LinearCell *c = q.cell
    cdef double rm = c.rate_mem, em = exp(-s * rm), er, drive = 0.0, waves = 0.0
    cdef int j
    for j in range(q.n):
        er = exp(-s * q.rate[j])
        drive += q.x[j] * response_x(rm, q.rate[j], s, em, er)
        if q.y[j] != 0.0:
            drive += q.y[j] * response_y(rm, q.rate[j], s, em, er)
            q.x[j] += q.y[j] * s
            q.y[j] *= er
        q.x[j] *= er
    if q.level != 0.0:
        drive += q.level * response_x(rm, 0.0, s, em, 1.0)
    if q.ramp != 0.0:
        drive += q.ramp * response_y(rm, 0.0, s, em, 1.0)
    for j in range(q.n_sines):
        waves += q.gain[j] * (sin(q.phase[j] + q.omega[j] * s + q.lag[j]) - sin(q.phase[j] + q.lag[j]) * em)
    q.v = c.v_leak + (q.v - c.v_leak) * em + drive / c.c_mem + waves
    if q.theta != 0.0:
        q.theta *= exp(-s * c.rate_th)


cdef inline void see(const Course *q, double s, Sight *o) noexcept nogil:
    """Look at a course a time `s` after its start."""
    cdef const LinearCell *c = q.cell
    cdef double rm = c.rate_mem, em = exp(-s * rm) if s > 0.0 else 1.0, r, er = 1.0, x, y, p
    cdef double drive = 0.0, current = 0.0, low = 0.0, high = 0.0, positive = 0.0
    cdef double wave = 0.0, waves = 0.0, size = 0.0, phase, rest, theta, rise, fall
    cdef int j
    for j in range(q.n):
        r = q.rate[j]
        y = q.y[j]
        x = q.x[j]
        if s > 0.0:
            er = exp(-s * r)
            drive += x * response_x(rm, r, s, em, er)
            if y != 0.0:
                drive += y * response_y(rm, r, s, em, er)
                x += y * s
                y *= er
            x *= er
        current += x
        p = y - r * x
        if y == 0.0:
            positive += fmax(x, 0.0) * q.peak_x[j]
        else:                   # the slope is (p - r y u) e^(-r u), and u e^(-r u) is at most 1 / (e r)
            positive += fmax(x, 0.0) * q.peak_x[j] + fmax(y, 0.0) * q.peak_y[j]
            high += fmax(-y, 0.0) * 0.3678794411714424
            low += fmin(-y, 0.0) * 0.3678794411714424
        high += fmax(p, 0.0)
        low += fmin(p, 0.0)
    x = q.level + q.ramp * s
    current += x
    if q.level != 0.0 and s > 0.0:
        drive += q.level * response_x(rm, 0.0, s, em, 1.0)
    if q.ramp != 0.0:
        drive += q.ramp * response_y(rm, 0.0, s, em, 1.0)
        low += q.ramp
        high += q.ramp
        x = fmax(x, q.level + q.ramp * q.duration)
    rest = c.v_leak + x / (rm * c.c_mem)
    for j in range(q.n_sines):
        phase = q.phase[j] + q.omega[j] * s
        current += q.size[j] * sin(phase)
        # cos(phase + u) differs from cos(phase) - u sin(phase) by u^2 / 2 at most, and u is at most omega look.
        p = q.omega[j] * q.look
        x = q.size[j] * q.omega[j]
        rise, fall = cos(phase) * x, sin(phase) * p * x
        x = fabs(x) * p * p * 0.5
        high += rise + fmax(-fall, 0.0) + x
        low += rise + fmin(-fall, 0.0) - x
        p = q.gain[j] * sin(phase + q.lag[j])
        wave += p
        waves += p - q.gain[j] * sin(q.phase[j] + q.lag[j]) * em
        size += fabs(q.gain[j])
    o.v = c.v_leak + (q.v - c.v_leak) * em + drive / c.c_mem + waves if s > 0.0 else q.v
    o.current = current
    theta = q.theta * exp(-s * c.rate_th) if q.theta != 0.0 else 0.0
    x = (c.v_leak - o.v) * rm + current / c.c_mem
    low /= c.c_mem
    high /= c.c_mem
    o.margin = o.v - (c.v_th + theta)
    o.slope = x + theta * c.rate_th
    # u = dv/dt obeys du/ds = -r_mem u + (slope of the current) / c_mem, so it stays above both u and low / r_mem.
    o.bend = high - rm * fmin(x, low / rm) + fmax(-theta * c.rate_th * c.rate_th, 0.0)
    o.top = fmax(o.v - wave, rest) + size + positive / c.c_mem - c.v_th


cdef inline double next_event(const Course *q, bint *is_spike) noexcept nogil:
    """Return how long after its start a course crosses, or else has to be looked at again; inf for never."""
    cdef Sight o
    cdef double s = 0.0, step, root, now
    cdef int _n
    is_spike[0] = False
    if q.cell.v_th == INFINITY:
        return q.duration
    see(q, 0.0, &o)
    for _n in range(MOST_STEPS):
        if o.margin >= 0.0:
            is_spike[0] = s < q.duration
            return fmin(s, q.duration)
        if o.top < 0.0:
            return q.duration
        # The first root of margin + slope u + bend u^2 / 2; inf if there is none.
        step = INFINITY
        root = o.slope * o.slope - 2.0 * o.bend * o.margin
        if root >= 0.0:
            root = o.slope + sqrt(root)
            if root > 0.0:
                step = -2.0 * o.margin / root
        now = q.start + s
        if step <= q.look and now + step == now:
            is_spike[0] = s + step < q.duration
            return fmin(s + step, q.duration)
        s += fmin(step, q.look)
        if s >= q.duration:
            return q.duration
        see(q, s, &o)
    return s
