# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Weights that follow the membrane of their target (Clopath et al. 2010), brought up to date when a spike arrives.

All synapses of a target share one integral, P(t) = int a_ltp [v - theta_plus]+ [u_bar_plus - theta_minus]+ exp(-(t - start) /
tau_x) dt from `start` on; a synapse takes what was added since its last spike, times its trace. After some tau_x the integral
begins anew, before its weight is lost in the rounding.

A step of a target is a Taylor series, and so are the filtered membranes before. The integrand is cut where a factor becomes
positive or another piece begins, and taken by the rule of Gauss and Legendre with eight points, exact for polynomials of
degree 15, on parts no longer than tau_x. Reading weights commits nothing, so that it changes no bit.
"""

from libc.math cimport INFINITY, ceil, exp, fabs, fmax, fmin
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.neurons.clopath_neurons cimport U_BAR_BAR, U_BAR_MINUS, U_BAR_PLUS, V, ClopathNeurons, MembraneObserver
from eventsim.models.neurons.series cimport polynomial
from eventsim.models.plasticity.spike_rule cimport SpikeRule
from eventsim.population cimport SynapseGroup
from eventsim.synapses cimport Synapses

cdef enum:
    N_POINTS = 8                # at which a change of sign is looked for, per interval
    MOST_CUTS = 4 * N_POINTS    # two a part, for each of two series
    N_BISECTIONS = 60

cdef double EPOCH = 10.0        # tau_x after which the integral begins anew
cdef double NEGLIGIBLE = 60.0   # tau_x after which a trace is gone, whatever the integrand

cdef extern from *:
    """
    static const double GAUSS_AT[4] = {0.18343464249564980494, 0.52553240991632898582, 0.79666647741362673959,
                                       0.96028985649753623168};
    static const double GAUSS_WEIGHT[4] = {0.36268378337836198297, 0.31370664587788728734, 0.22238103445337447054,
                                           0.10122853629037625915};
    """
    const double GAUSS_AT[4]
    const double GAUSS_WEIGHT[4]


cdef struct Series:
    const double *c
    int order
    double start        # its time of expansion
    double level        # that is subtracted


cdef inline double above(const Series *s, double time) noexcept nogil:
    return polynomial(s.c, s.order, time - s.start) - s.level


cdef double slope(const Series *s, double time) noexcept nogil:
    cdef double y = 0.0, h = time - s.start
    cdef int k
    for k in range(s.order, 0, -1):
        y = y * h + k * s.c[k]
    return y


cdef double root(const Series *s, double low, double high, bint of_slope) noexcept nogil:
    """Return where a series, or its slope, changes sign between two times where its signs differ."""
    cdef double middle
    cdef bint rising = (slope(s, high) if of_slope else above(s, high)) > 0.0
    cdef int _trial
    for _trial in range(N_BISECTIONS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if ((slope(s, middle) if of_slope else above(s, middle)) > 0.0) == rising:
            high = middle
        else:
            low = middle
    return high


cdef bint far(const Series *s, double begin, double end) noexcept nogil:
    """Return whether the first term of a series is so far from the level that the others cannot lead there."""
    cdef double h = fmax(fabs(begin - s.start), fabs(end - s.start)), power = h, most = 0.0
    cdef int k
    for k in range(1, s.order + 1):
        most += fabs(s.c[k]) * power
        power *= h
    return fabs(s.c[0] - s.level) > most * (1.0 + 1e-9)


cdef int cuts(const Series *s, double begin, double end, double *cut) noexcept nogil:
    """Put the times within (begin, end) where a series changes sign into `cut`, in order, and return how many there are.

    Signs are compared at N_POINTS + 1 points, and between two of equal sign an extremum of the other one is looked for.
    """
    cdef double low = begin, high, at_low, at_high, slope_low, slope_high, top
    cdef int k, n = 0
    if far(s, begin, end):
        return 0
    at_low, slope_low = above(s, begin), slope(s, begin)
    for k in range(1, N_POINTS + 1):
        high = end if k == N_POINTS else begin + (end - begin) * k / N_POINTS
        at_high, slope_high = above(s, high), slope(s, high)
        if (at_low > 0.0) != (at_high > 0.0):
            cut[n] = root(s, low, high, False)
            n += 1
        elif (slope_low > 0.0) == (at_low <= 0.0) and (slope_high > 0.0) != (slope_low > 0.0):
            top = root(s, low, high, True)
            if (above(s, top) > 0.0) != (at_low > 0.0):
                cut[n] = root(s, low, top, False)
                cut[n + 1] = root(s, top, high, False)
                n += 2
        low, at_low, slope_low = high, at_high, slope_high
    return n


cdef double product_integral(
        const Series *v, const Series *u, double begin, double end, double origin, double rate) noexcept nogil:
    """Return the integral of v(t) u(t) exp(-rate (t - origin)) over a part without a kink."""
    cdef double half, middle, at, x, total = 0.0
    cdef int parts = <int> fmin(ceil((end - begin) * rate), NEGLIGIBLE) if end > begin else 0
    cdef int part, k, sign
    if parts < 1:
        parts = 1
    half = 0.5 * (end - begin) / parts
    for part in range(parts):
        middle = begin + (2 * part + 1) * half
        for k in range(4):
            for sign in range(2):
                x = GAUSS_AT[k] * half
                at = middle - x if sign == 0 else middle + x
                total += GAUSS_WEIGHT[k] * above(v, at) * above(u, at) * exp((origin - at) * rate)
    return total * half


cdef class VoltageTraces(SpikeRule):
    """The voltage-based plasticity of one projection, on the ordered schedule.

    Parameters
    ----------
    synapses : Synapses
        Whose targets are `ClopathNeurons`.
    engine : Engine
    rule : VoltageSTDP
    """

    cdef ClopathNeurons cells
    cdef readonly MembraneIntegral integral
    cdef double a_ltd, theta_minus, rate, u_ref_squared, delay, w_min, w_max
    cdef double[::1] x, last            # (n_rows,) traces of sources after their last spikes, and when these arrived
    cdef double[::1] base, seen         # (n,) weight after that spike, and the target's integral then
    cdef double[::1] total, start       # (n_post,) the integral P, and since when
    cdef const int64_t[::1] source, by_target, first_of

    def __init__(self, Synapses synapses not None, Engine engine not None, rule):
        super().__init__(synapses, engine)
        self.cells = synapses.post
        self.a_ltd, self.theta_minus, self.rate = rule.a_ltd, rule.theta_minus, 1.0 / rule.tau_x
        self.u_ref_squared = 0.0 if rule.u_ref_squared is None else rule.u_ref_squared
        self.delay, self.w_min, self.w_max = rule.delay_u_bars, rule.w_min, rule.w_max
        self.source, post, *_ = synapses.edges()
        self.by_target = np.argsort(post, kind="stable").astype(np.int64)
        self.first_of = np.searchsorted(np.sort(post), np.arange(synapses.post.n + 1)).astype(np.int64)
        self.x = self.array("x", self.n_rows, low=0.0)
        self.last = self.array("last", self.n_rows, -np.inf, high="now")
        self.base = self.array("base", synapses.n, low=self.w_min, high=float(np.nextafter(self.w_max, np.inf)))
        self.seen = self.array("seen", synapses.n, low=0.0)
        self.total = self.array("total", synapses.post.n, low=0.0)
        self.start = self.array("start", synapses.post.n, low=0.0, high="now")
        self.arrays["base"][:] = synapses.arrays["weight"]
        self.integral = MembraneIntegral(self, rule)
        self.cells.watch(self.integral, self.delay)

    cdef double grown(self, int64_t k, int unit, double total) noexcept nogil:
        """Return the weight of a synapse before its next spike, given the integral of its target."""
        cdef int64_t row = k if self.own_rows else self.source[k]
        if self.x[row] == 0.0 or total <= self.seen[k]:
            return self.base[k]
        cdef double trace = self.x[row] * exp((self.last[row] - self.start[unit]) * self.rate)
        return fmin(self.w_max, self.base[k] + trace * (total - self.seen[k]))

    cdef int add(self, int unit, double end) noexcept nogil:
        """Let the integral of a target go on to the end of its step."""
        cdef double begin = self.cells.t[unit], more
        cdef int64_t i, k
        if (begin - self.start[unit]) * self.rate > EPOCH:
            if self.total[unit] > 0.0:
                for i in range(self.first_of[unit], self.first_of[unit + 1]):
                    k = self.by_target[i]
                    self.base[k] = self.grown(k, unit, self.total[unit])
                    self.seen[k] = 0.0
            self.total[unit] = 0.0
            self.start[unit] = begin
        more = self.integral.over(unit, begin, end)
        if more > 0.0:
            self.total[unit] += more * exp((self.start[unit] - begin) * self.rate)
        return 0

    cdef double total_at(self, int unit, double time) noexcept nogil:
        """Return the integral of a target up to a time within its step."""
        cdef double begin = self.cells.t[unit]
        if time <= begin:
            return self.total[unit]
        return self.total[unit] + self.integral.over(unit, begin, time) * exp((self.start[unit] - begin) * self.rate)

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef int64_t k
        cdef int unit
        cdef double fall, bar
        for k in range(first, first + group.n):
            unit = group.target[k - first] if group.target != NULL else <int> (k - first)
            self.cells.advance(unit, time)      # as the spike itself does next
            fall = self.a_ltd * fmax(0.0, self.cells.filtered_at(U_BAR_MINUS, unit, time - self.delay) - self.theta_minus)
            if self.u_ref_squared > 0.0:
                bar = self.cells.x[unit, U_BAR_BAR]
                fall *= bar * bar / self.u_ref_squared
            self.weight[k] = self.base[k] = fmax(self.w_min, self.grown(k, unit, self.total[unit]) - fall)
            self.seen[k] = self.total[unit]
            if self.own_rows:
                self.note(k, time)
        if not self.own_rows:
            self.note(source, time)
        return 0

    cdef void note(self, int64_t row, double time) noexcept nogil:
        """Let the trace of a source take a spike."""
        self.x[row] = self.rate + self.x[row] * exp((self.last[row] - time) * self.rate)
        self.last[row] = time

    cdef int settle(self) except -1:
        cdef int64_t i, k
        cdef int unit
        cdef double now = self.clock(), total
        for unit in range(self.synapses.post.n):
            total = self.total_at(unit, now)
            for i in range(self.first_of[unit], self.first_of[unit + 1]):
                k = self.by_target[i]
                self.weight[k] = self.grown(k, unit, total)
        return 0

    cdef int on_new_weights(self) except -1:
        cdef int64_t i, k
        cdef int unit
        cdef double now = self.clock(), total
        for unit in range(self.synapses.post.n):
            total = self.total_at(unit, now)
            for i in range(self.first_of[unit], self.first_of[unit + 1]):
                k = self.by_target[i]
                self.base[k] = self.weight[k]
                self.seen[k] = total
        return 0


cdef class MembraneIntegral(MembraneObserver):
    """What a step of a target adds to its integral."""

    cdef VoltageTraces traces
    cdef ClopathNeurons cells
    cdef double a_ltp, theta_plus, theta_minus, rate, delay

    def __init__(self, VoltageTraces traces not None, rule):
        self.traces, self.cells = traces, traces.cells
        self.a_ltp, self.theta_plus, self.theta_minus = rule.a_ltp, rule.theta_plus, rule.theta_minus
        self.rate, self.delay = 1.0 / rule.tau_x, rule.delay_u_bars

    cdef int on_step(self, int unit, double end) except -1 nogil:
        return self.traces.add(unit, end)

    cdef double over(self, int unit, double begin, double end) noexcept nogil:
        """Return the integral over [begin, end] of the step that a unit is in; exp(-(t - begin) / tau_x) is 1 at its begin."""
        cdef double cut[MOST_CUTS + 1]
        cdef Series v
        cdef double total = 0.0, low = begin
        cdef int k, n
        v.order = self.cells.order
        v.c, v.start, v.level = &self.cells.c[unit, V * (v.order + 1)], self.cells.t[unit], self.theta_plus
        end = fmin(end, begin + NEGLIGIBLE / self.rate)
        n = cuts(&v, begin, end, cut)
        cut[n] = end
        for k in range(n + 1):
            if above(&v, 0.5 * (low + cut[k])) > 0.0:
                total += self.where_high(unit, &v, begin, low, cut[k])
            low = cut[k]
        return self.a_ltp * total

    cdef double where_high(self, int unit, const Series *v, double origin, double begin, double end) noexcept nogil:
        """Return the integral over a part where the membrane is above its threshold."""
        cdef double cut[MOST_CUTS + 1]
        cdef double before[2]               # a constant
        cdef Series u
        cdef double total = 0.0, low = begin, high, part
        cdef int k, n, terms = self.cells.order + 1, piece
        piece = self.cells.piece_after(unit, begin - self.delay) if self.delay > 0.0 else self.cells.n_pieces[unit]
        u.level = self.theta_minus
        while low < end:
            u.order = self.cells.order
            if piece < self.cells.n_pieces[unit]:
                u.c, u.start = &self.cells.pieces[unit, piece, 2], self.cells.pieces[unit, piece, 0] + self.delay
                high = self.cells.pieces[unit, piece, 1] + self.delay
                if low < u.start:           # before the beginning
                    before[0], before[1] = u.c[0], 0.0
                    high = u.start
                    u.c, u.order = before, 1
                else:
                    piece += 1
            else:
                u.c, u.start = &self.cells.c[unit, U_BAR_PLUS * terms], self.cells.t[unit] + self.delay
                high = INFINITY
                if low < u.start:
                    before[0], before[1] = u.c[0], 0.0
                    high = u.start
                    u.c, u.order = before, 1
            high = fmin(high, end)
            if not high > low:
                continue
            n = cuts(&u, low, high, cut)
            cut[n] = high
            part = low
            for k in range(n + 1):
                if above(&u, 0.5 * (part + cut[k])) > 0.0:
                    total += product_integral(v, &u, part, cut[k], origin, self.rate)
                part = cut[k]
            low = high
        return total
