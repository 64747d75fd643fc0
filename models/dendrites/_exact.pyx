# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Neurons with compartments, exact between events: when a compartment reaches its threshold.

The state is a sum of exponentials (`_modal.pyx`). The next crossing is looked for by steps that cannot pass it: from
a point below threshold with slope f' and an upper bound U of f'' from there on, the potential stays below
f + f' u + U u^2 / 2, so no crossing comes before that reaches zero. The steps end at the crossing, quadratically. A
long step ends the search for now, since an input may come before: the unit is looked at again when it has passed.

A current over time adds a line and sines to the potential until the current changes next: their slopes are added to
f', the largest curvature of the sines to U.

A bound on the whole future comes first, and most inputs need no more. It is kept (`upper`), and an input raises it
by no more than the peak of the response to it. As long as it is below threshold an input is a few additions.
"""

from libc.math cimport INFINITY, cos, exp, fabs, fmin, fmod, sin, sqrt
from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.dendrites._modal cimport ModalDendrites
from eventsim.models.dendrites._modes cimport MOST, Modes, bound_of
from eventsim.models.dendrites._near_pairs cimport NearPair, near_bend, near_slope, near_upper, near_value
from eventsim.models.dendrites.population cimport doubles
from eventsim.population cimport SynapseGroup, group_target, group_weight

cdef enum:
    MOST_STEPS = 200        # of a search before the unit is looked at again


cdef double TURN = 2.0 * np.pi


cdef struct Wave:
    double sine, cosine                     # of an angle, which grows by omega
    double size, omega, angle


cdef class ExactDendrites(ModalDendrites):
    """Neurons with compartments on the ordered schedule."""

    cdef double *due                        # (n,) when it is looked at next
    cdef double *hit                        # (n, K) crossing of the comparator, if it is known
    cdef NearPair *pair                     # (K S,) of the compartment at hand
    cdef double look_ahead                  # a step longer than this ends a search for now
    cdef Wave *waves                        # (W,) of the compartment at hand
    cdef double line, line_end              # its slope, and until when it holds

    def __init__(self, int n, str name, tree, values, currents=()):
        super().__init__(n, name, tree, values, currents)
        self.arrays |= {"due": np.full(n, np.inf), "hit": np.full((n, self.K), np.inf)}
        self.due = doubles(self.arrays, "due")
        self.hit = doubles(self.arrays, "hit")
        self.look_ahead = 0.05 * min([*tree.taus, np.min(values["c_mem"] / (values["g_leak"] + 1e-9))], default=1.0)
        self.pair = <NearPair *> calloc(self.K * self.S + 1, sizeof(NearPair))
        self.waves = <Wave *> calloc(self.W + 1, sizeof(Wave))
        if self.pair == NULL or self.waves == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.pair)
        free(self.waves)

    cdef double predict(self, int unit, double time) noexcept nogil:
        """Return when a unit touched at `time` is to be looked at next, and keep the crossings that are known."""
        cdef const Modes *m = self.modes[unit]
        cdef double due = self.next_transition(unit), s, sign, rest, v_th
        cdef double[2 * MOST] c
        cdef double *hit = self.hit + unit * self.K
        cdef double *upper = self.upper + unit * self.K
        cdef double[MOST] p
        cdef double *i_syn = self.current
        cdef int k, n_pairs
        cdef bint crossing
        self.state_of(unit, m, p, i_syn)
        for k in range(self.K):
            if upper[k] < 0.0:
                continue
            if hit[k] == time:  # certain, since no input moves a potential at once
                due = time
                continue
            hit[k] = INFINITY
            if self.phase[unit * self.K + k] or self.v_th[unit * self.stride * self.K + k] == INFINITY:
                upper[k] = -INFINITY
                continue
            sign = 1.0 if self.armed[unit * self.K + k] else -1.0
            v_th = self.v_th[unit * self.stride * self.K + k]
            rest = sign * (self.v_inf[unit * self.K + k] - v_th)
            if self.E:
                rest += sign * self.ramp[unit * self.K + k] * (time - self.line_start[unit])
                self.forcing(unit, k, sign, time)
            self.terms(k, m, p, i_syn, sign, c)
            upper[k] = bound_of(m, self.K + self.A, c, rest) + 1e-9 * fabs(v_th)
            if self.E:
                upper[k] += self.highest(time)
            n_pairs = self.pairs_of(m, k, i_syn, sign)
            if n_pairs:
                upper[k] += near_upper(self.pair, n_pairs, 0.0)
            if sign < 0.0:
                upper[k] = INFINITY  # inputs lower what is waited for; each is looked at
            elif upper[k] < 0.0:
                continue
            s = self.search(unit, k, m, c, n_pairs, rest, time, due - time, &crossing)
            if s == INFINITY:
                continue
            due = fmin(due, time + s)
            if crossing:
                hit[k] = time + s
        return due

    cdef void forcing(self, int unit, int k, double sign, double time) noexcept nogil:
        """Put the line and the sines in the potential of compartment k, times `sign`, from `time` on at hand."""
        cdef const double *part
        cdef int w
        self.line = sign * self.ramp[unit * self.K + k]
        self.line_end = self.next_transition(unit)
        for w in range(self.W):
            part = self.wave + ((unit * self.W + w) * self.K + k) * 2
            self.waves[w].sine, self.waves[w].cosine = sign * part[0], sign * part[1]
            self.waves[w].size = sqrt(part[0] * part[0] + part[1] * part[1])
            self.waves[w].omega = self.omega[unit * self.W + w]
            self.waves[w].angle = fmod(self.waves[w].omega * time, TURN) + self.phase_at_0[unit * self.W + w]

    cdef double highest(self, double time) noexcept nogil:
        """Return an upper bound of what is at hand of currents from `time` on, less what the line has reached."""
        cdef double x = self.line * (self.line_end - time) if self.line > 0.0 else 0.0
        cdef int w
        for w in range(self.W):
            x += self.waves[w].size
        return x

    cdef void terms(self, int k, const Modes *m, const double *p, const double *i_syn, double sign,
                    double *c) noexcept nogil:
        """Write what each rate contributes to the potential of compartment k, times `sign`: modes, then time constants."""
        cdef int K = self.K, j, s
        for j in range(K):
            c[j] = sign * m.T[k * K + j] * p[j]
        for j in range(K, K + self.A):
            c[j] = 0.0
        for s in range(self.S):
            c[K + self.slot_tau[s]] += sign * m.H[k * self.S + s] * i_syn[s]

    cdef double search(self, int unit, int k, const Modes *m, const double *c, int n_pairs, double rest, double t,
                       double limit, bint *crossing) noexcept nogil:
        """Return how long after `t` no crossing of compartment k happens, or when it does; inf for none before `limit`."""
        cdef int K = self.K, A = self.A, j, _n
        cdef double[2 * MOST] rate, now
        cdef double f = rest, upper = rest, slope, bend, step, time = 0.0, x
        cdef double angle
        cdef int w
        cdef double tiny = -1e-13 * fabs(self.v_th[unit * self.stride * K + k])
        crossing[0] = False
        for j in range(K):
            rate[j] = m.lam[j]
        for j in range(A):
            rate[K + j] = 1.0 / self.tau[j]
        for j in range(K + A):
            f += c[j]
            upper += c[j] if c[j] > 0.0 else 0.0
            now[j] = c[j]
        if self.E:
            for w in range(self.W):
                angle = self.waves[w].angle
                f += self.waves[w].sine * sin(angle) + self.waves[w].cosine * cos(angle)
            upper += self.highest(t)
        if f >= 0.0:
            if self.since[unit * K + k] != t:
                crossing[0] = True
                return 0.0
            f = fmin(tiny, -1e-300)  # it has just been crossed the other way
        if n_pairs:
            upper += near_upper(self.pair, n_pairs, 0.0)
        if upper < 0.0:
            return INFINITY
        for _n in range(MOST_STEPS):
            slope = bend = 0.0
            for j in range(K + A):
                x = now[j] * rate[j]
                slope -= x
                bend += x * rate[j] if x > 0.0 else 0.0
            if n_pairs:
                slope += near_slope(self.pair, n_pairs, time)
                bend += near_bend(self.pair, n_pairs, time)
            if self.E:
                slope += self.line
                for w in range(self.W):
                    x = self.waves[w].omega
                    angle = self.waves[w].angle + x * time
                    slope += x * (self.waves[w].sine * cos(angle) - self.waves[w].cosine * sin(angle))
                    bend += self.waves[w].size * x * x
            # The first zero of f + slope u + bend u^2 / 2; none if it only falls.
            x = slope + sqrt(slope * slope - 2.0 * bend * f)
            if not x > 0.0:
                return INFINITY
            step = -2.0 * f / x
            if time + step >= limit:
                return INFINITY
            if step <= 1e-16 * (t + time) or t + time + step == t + time:
                crossing[0] = True
                return time + step
            time += step
            if step > self.look_ahead:
                return time
            f = upper = rest
            for j in range(K + A):
                now[j] = c[j] * exp(-rate[j] * time)
                f += now[j]
                upper += now[j] if now[j] > 0.0 else 0.0
            if n_pairs:
                f += near_value(self.pair, n_pairs, time)
                upper += near_upper(self.pair, n_pairs, time)
            if self.E:
                x = self.line * time
                for w in range(self.W):
                    angle = self.waves[w].angle + self.waves[w].omega * time
                    x += self.waves[w].sine * sin(angle) + self.waves[w].cosine * cos(angle)
                f += x
                upper += self.line * time + self.highest(t + time)
            if f >= 0.0:
                crossing[0] = True
                return time
            if upper < 0.0:
                return INFINITY
        return time

    cdef int pairs_of(self, const Modes *m, int k, const double *i_syn, double sign) noexcept nogil:
        """List the pairs of close rates in the potential of compartment k, times `sign`; returns their number."""
        cdef int K = self.K, S = self.S, j, s, n = 0
        if not m.n_near:
            return 0
        for j in range(K):
            for s in range(S):
                if m.near[j * S + s] != 0.0:
                    self.pair[n].factor = sign * m.T[k * K + j] * m.near[j * S + s] * i_syn[s]
                    self.pair[n].lam, self.pair[n].mu = m.lam[j], self.mu_of_slot[s]
                    n += 1
        return n

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef int K = self.K, S = self.S, j, s, k = self.which[variable]
        cdef double dt = time - self.t[unit], x
        cdef const Modes *m = self.modes[unit]
        if self.kind[variable] == 1:
            return self.i_syn[unit * S + k] * exp(-dt * self.mu_of_slot[k])
        x = self.v_inf[unit * K + k]
        for j in range(K):
            x += m.T[k * K + j] * self.p[unit * K + j] * exp(-m.lam[j] * dt)
        for s in range(S):
            x += m.H[k * S + s] * self.i_syn[unit * S + s] * exp(-dt * self.mu_of_slot[s])
        if m.n_near:
            x += near_value(self.pair, self.pairs_of(m, k, self.i_syn + unit * S, 1.0), dt)
        return x + self.forced(unit, k, time) if self.E else x

    # Events -------------------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.touch(unit, engine.time)
            self.due[unit] = self.predict(unit, engine.time)
            engine.predict(self.first_slot + unit, self.due[unit])
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int unit, j, K = self.K, S = self.S, s = group.receptor
        cdef double due, w, rise
        cdef double *p
        cdef double *upper
        cdef const Modes *m
        cdef bint low
        if S == 0:
            self.fail_no_input()
        for k in range(group.n):
            unit = group_target(group, k)
            w = group_weight(group, k)
            m = self.touch(unit, time)
            p = self.p + unit * K
            upper = self.upper + unit * K
            self.i_syn[unit * S + s] += w * m.grow[K + self.slot_tau[s]]
            low = True
            rise = w if w > 0.0 else 0.0
            for j in range(K):
                p[j] -= m.D[j * S + s] * w * m.grow[j]
                upper[j] += rise * m.peak[j * S + s]
                low = low and upper[j] < 0.0
            if not low:
                due = self.predict(unit, time)
                if due != self.due[unit]:
                    self.due[unit] = due
                    engine.predict(self.first_slot + unit, due)
            if self.watched:
                self.note(time, unit)
        return 0

    cdef int fail_no_input(self) except -1 with gil:
        raise TypeError(f"{self.name!r} takes no input: none of its compartments has a receptor")

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        """Look at a unit: it may cross, have a transition, or neither."""
        cdef double[MOST] v, p
        cdef double *i_syn = self.current
        cdef uint8_t[MOST] fired
        cdef double *hit = self.hit + unit * self.K
        cdef int k
        cdef bint changed = False
        cdef const Modes *m = self.touch(unit, time)
        memset(fired, 0, self.K)
        for k in range(self.K):
            if hit[k] <= time:
                hit[k] = INFINITY
                if self.armed[unit * self.K + k]:
                    fired[k] = 1
                    changed = True
                else:
                    self.armed[unit * self.K + k] = 1
                    self.since[unit * self.K + k] = time
        if changed or self.next_transition(unit) <= time:
            self.state_of(unit, m, p, i_syn)
            self.potentials(unit, m, p, i_syn, v)
            for k in range(self.K):
                if fired[k]:
                    self.fire(unit, k, time, v)
            self.pass_time(unit, time, v, fired)
            self.settle_in(unit, time, v, i_syn)
        self.due[unit] = self.predict(unit, time)
        engine.predict(self.first_slot + unit, self.due[unit])
        self.announce(engine, time, unit, fired)
        if self.watched:
            self.note(time, unit)
        return 0
