# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Populations of neurons with compartments, exact between events.

Between inputs, starts and ends of clamps, and steps of currents, every potential is a sum of exponentials (see
_dendrite_modes.pxd). Modes are found once for each set of clamps that are on. The next crossing is looked for by
steps that cannot pass it: from a point below threshold with slope f' and an upper bound U of f'' from there on,
the potential stays below f + f' u + U u^2 / 2, so nothing happens before that reaches zero. The steps end at the
crossing, quadratically. A long step is not followed by the next at once, since an input may come before: the unit is
looked at again when it has passed.

A bound on the whole future comes first, and most inputs need no more: it is kept (`top`), and an input raises it by no
more than the peak of what it leads to. As long as it is below threshold an input is a few additions.
"""

from libc.math cimport INFINITY, exp, fabs, fmax, fmin, sqrt
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.dendrites._modes cimport MOST, RUNGS, Modes, bound_of, find_modes, response, turn
from eventsim.models.dendrites.population cimport Dendrites, doubles
from eventsim.population cimport Fan, fan_target, fan_weight

cdef enum:
    MOST_STEPS = 200        # of a search before the unit is looked at again
    LOG_ROOM = 16           # of the first table of modes


cdef class ExactDendrites(Dendrites):
    """Neurons whose synapses are currents and whose conductances are constant between events."""

    cdef double *p                          # (n, K) modes at time t, relative to where they settle
    cdef double *i_syn                      # (n, S) synaptic currents at time t
    cdef double *v_inf                      # (n, K) where the potentials would settle
    cdef double *t                          # (n,) `start` of the modes when the unit was last touched
    cdef double *top                        # (n, K) bound on v - v_th without further input; < 0: nothing is to be done
    cdef double *current                    # (S,) of the unit at hand
    cdef double *due                        # (n,) when it is looked at next
    cdef double *hit                        # (n, K) crossing of the comparator, if it is known
    cdef Modes **modes                      # (n,) of the clamps that are on
    cdef Modes **table                      # open addressing by (set, clamps)
    cdef uint64_t *keys
    cdef Py_ssize_t room, n_modes
    cdef double look_ahead                  # a step longer than this ends a search for now
    cdef uint64_t n_codes

    def __init__(self, int n, str name, tree, values):
        super().__init__(n, name, tree, values)
        cdef int unit, k
        codes = 1
        for k in range(self.K):
            codes *= self.n_phases[k] + 1
        if codes * n >= 2**63:
            raise ValueError(f"{name!r} has too many combinations of clamps ({codes}) to tell apart")
        self.n_codes = codes
        self.arrays |= {
            "p": np.zeros((n, self.K)),
            "i_syn": np.zeros((n, self.S)),
            "v_inf": np.zeros((n, self.K)),
            "t": np.zeros(n),
            "due": np.full(n, np.inf),
            "hit": np.full((n, self.K), np.inf),
            "top": np.full((n, self.K), np.inf),
        }
        self.p = doubles(self.arrays, "p")
        self.i_syn = doubles(self.arrays, "i_syn")
        self.v_inf = doubles(self.arrays, "v_inf")
        self.t = doubles(self.arrays, "t")
        self.due = doubles(self.arrays, "due")
        self.hit = doubles(self.arrays, "hit")
        self.top = doubles(self.arrays, "top")
        self.look_ahead = 0.05 * min([*tree.taus, np.min(values["c_mem"] / (values["g_leak"] + 1e-9))], default=1.0)
        self.modes = <Modes **> calloc(max(n, 1), sizeof(Modes *))
        self.current = <double *> calloc(self.S + 1, sizeof(double))
        self.room = 1 << LOG_ROOM
        self.table = <Modes **> calloc(self.room, sizeof(Modes *))
        self.keys = <uint64_t *> calloc(self.room, sizeof(uint64_t))
        if self.modes == NULL or self.current == NULL or self.table == NULL or self.keys == NULL:
            raise MemoryError
        v_init = np.ascontiguousarray(np.broadcast_to(values["v_init"], (n, self.K)))
        cdef const double[:, ::1] v = v_init
        for unit in range(n):
            self.settle_in(unit, 0.0, &v[unit, 0], self.current)

    def __dealloc__(self):
        cdef Py_ssize_t k
        if self.table != NULL:
            for k in range(self.room):
                free(self.table[k])
        free(self.table)
        free(self.keys)
        free(self.modes)
        free(self.current)

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        cdef int unit
        super().restore(state)
        for unit in range(self.n):
            self.modes[unit] = self.modes_of(unit)

    # Modes --------------------------------------------------------------------------------------

    cdef Modes *modes_of(self, int unit) except NULL nogil:
        """Return the modes for the clamps of a unit that are on."""
        cdef uint64_t key = self.clamp_code(unit) + self.n_codes * <uint64_t> (unit * self.stride) + 1
        cdef Py_ssize_t at = <Py_ssize_t> ((key * <uint64_t> 0x9E3779B97F4A7C15) >> 20) & (self.room - 1)
        while self.keys[at] != key:
            if self.keys[at] == 0:
                if 2 * self.n_modes >= self.room:
                    self.grow_table()
                    return self.modes_of(unit)
                self.table[at] = self.make_modes(unit)
                self.keys[at] = key
                self.n_modes += 1
                break
            at = (at + 1) & (self.room - 1)
        return self.table[at]

    cdef int grow_table(self) except -1 nogil:
        cdef Py_ssize_t room = 2 * self.room, k, at
        cdef Modes **table = <Modes **> calloc(room, sizeof(Modes *))
        cdef uint64_t *keys = <uint64_t *> calloc(room, sizeof(uint64_t))
        if table == NULL or keys == NULL:
            free(table)
            free(keys)
            with gil:
                raise MemoryError
        for k in range(self.room):
            if self.keys[k]:
                at = <Py_ssize_t> ((self.keys[k] * <uint64_t> 0x9E3779B97F4A7C15) >> 20) & (room - 1)
                while keys[at]:
                    at = (at + 1) & (room - 1)
                keys[at] = self.keys[k]
                table[at] = self.table[k]
        free(self.table)
        free(self.keys)
        self.table = table
        self.keys = keys
        self.room = room
        return 0

    cdef Modes *make_modes(self, int unit) except NULL nogil:
        cdef int K = self.K, S = self.S, k, o, ph
        cdef int set_ = unit * self.stride
        cdef int n = K + self.A
        cdef size_t room = 2 * K + 2 * K * K + 4 * K * S + 2 * n + (RUNGS + 1) * (n + 1)
        cdef Modes *m = <Modes *> malloc(sizeof(Modes) + room * sizeof(double))
        cdef double *work = <double *> calloc(3 * K * K + K * S, sizeof(double))
        cdef double *g = work + 2 * K * K + K * S
        cdef double *memory = <double *> (m + 1)
        cdef double g_clamp
        if m == NULL or work == NULL:
            free(m)
            free(work)
            with gil:
                raise MemoryError
        m.lam = memory
        m.drive = memory + K
        m.T = memory + 2 * K
        m.R = m.T + K * K
        m.D = m.R + K * K
        m.H = m.D + K * S
        m.near = m.H + K * S
        m.peak = m.near + K * S
        m.grow = m.peak + K * S
        m.square = m.grow + n
        m.rung = m.square + n
        m.left = m.rung + RUNGS + 1
        for k in range(K):
            g[k * K + k] += self.g_leak[set_ * K + k]
            m.drive[k] = self.i_leak[set_ * K + k] + self.i_ext[set_ * K + k]
            o = self.parent[k]
            if o >= 0:
                g_clamp = self.coupling[set_ * K + k]
                g[k * K + k] += g_clamp
                g[o * K + o] += g_clamp
                g[k * K + o] -= g_clamp
                g[o * K + k] -= g_clamp
            ph = self.phase[unit * K + k]
            if 1 <= ph <= self.n_phases[k]:
                g_clamp = self.conductances[(set_ * K + k) * self.P + ph - 1]
                g[k * K + k] += g_clamp
                m.drive[k] += g_clamp * self.targets[(set_ * K + k) * self.P + ph - 1]
        find_modes(m, work, K, S, self.A, self.c_mem + set_ * K, g, <const int *> self.slot_at, self.mu_of_slot, self.tau)
        free(work)
        return m

    cdef int settle_in(self, int unit, double time, const double *v, const double *i_syn) except -1 nogil:
        """Start at `time` from potentials and currents, with the clamps and constant currents that are on now."""
        cdef int K = self.K, S = self.S, j, k, s
        cdef Modes *m = self.modes_of(unit)
        cdef double *v_inf = self.v_inf + unit * K
        cdef const double *i_step = self.i_step + unit * K
        cdef double x
        turn(m, time, K, self.A, self.tau)
        self.modes[unit] = m
        self.t[unit] = m.start
        memset(v_inf, 0, K * sizeof(double))
        for j in range(K):
            x = 0.0
            for k in range(K):
                x += m.T[k * K + j] * (m.drive[k] + i_step[k])
            x /= m.lam[j]
            for k in range(K):
                v_inf[k] += m.T[k * K + j] * x
        for j in range(K):
            x = 0.0
            for k in range(K):
                x += m.R[j * K + k] * (v[k] - v_inf[k])
            for s in range(S):
                x -= m.D[j * S + s] * i_syn[s]
            self.p[unit * K + j] = x * m.grow[j]
        for s in range(S):
            self.i_syn[unit * S + s] = i_syn[s] * m.grow[K + self.slot_tau[s]]
        for k in range(K):
            self.top[unit * K + k] = INFINITY
        return 0

    # One unit -----------------------------------------------------------------------------------

    cdef Modes *touch(self, int unit, double time) noexcept nogil:
        """Bring a unit to the start that its modes have at `time`, which no event precedes."""
        cdef Modes *m = self.modes[unit]
        turn(m, time, self.K, self.A, self.tau)
        if self.t[unit] != m.start:
            self.advance(unit, m.start)
        return m

    cdef void advance(self, int unit, double time) noexcept nogil:
        """Bring a unit to `time`, without `near` pairs also back."""
        cdef int K = self.K, S = self.S, j, s
        cdef double dt = time - self.t[unit], x
        cdef double[MOST] decay
        cdef const Modes *m = self.modes[unit]
        cdef double *p = self.p + unit * K
        cdef double *i_syn = self.i_syn + unit * S
        self.t[unit] = time
        for j in range(K):
            p[j] *= exp(-m.lam[j] * dt)
        if m.n_near:
            for j in range(K):
                x = 0.0
                for s in range(S):
                    if m.near[j * S + s] != 0.0:
                        x += m.near[j * S + s] * i_syn[s] * response(m.lam[j], self.mu_of_slot[s], dt)
                p[j] += x
        for j in range(self.A):
            decay[j] = exp(-dt / self.tau[j])
        for s in range(S):
            i_syn[s] *= decay[self.slot_tau[s]]

    cdef void state_of(self, int unit, const Modes *m, double *p, double *i_syn) noexcept nogil:
        """Write modes and currents at the time to which the unit was touched."""
        cdef int j, s
        for j in range(self.K):
            p[j] = self.p[unit * self.K + j] / m.grow[j]
        for s in range(self.S):
            i_syn[s] = self.i_syn[unit * self.S + s] / m.grow[self.K + self.slot_tau[s]]

    cdef void potentials(self, int unit, const Modes *m, const double *p, const double *i_syn, double *v) noexcept nogil:
        """Write the potentials for modes and currents."""
        cdef int K = self.K, S = self.S, j, k, s
        cdef double x
        for k in range(K):
            x = self.v_inf[unit * K + k]
            for j in range(K):
                x += m.T[k * K + j] * p[j]
            for s in range(S):
                x += m.H[k * S + s] * i_syn[s]
            v[k] = x

    cdef double predict(self, int unit, double time) noexcept nogil:
        """Return when a unit touched at `time` is to be looked at next, and keep the crossings that are known."""
        cdef const Modes *m = self.modes[unit]
        cdef double due = self.next_transition(unit), s, sign, rest, v_th
        cdef double[2 * MOST] c
        cdef double *hit = self.hit + unit * self.K
        cdef double *top = self.top + unit * self.K
        cdef double[MOST] p
        cdef double *i_syn = self.current
        cdef int k
        cdef bint crossing
        self.state_of(unit, m, p, i_syn)
        for k in range(self.K):
            if top[k] < 0.0:
                continue
            if hit[k] == time:  # certain, since no input moves a potential at once
                due = time
                continue
            hit[k] = INFINITY
            if self.phase[unit * self.K + k] or self.v_th[unit * self.stride * self.K + k] == INFINITY:
                top[k] = -INFINITY
                continue
            sign = 1.0 if self.armed[unit * self.K + k] else -1.0
            v_th = self.v_th[unit * self.stride * self.K + k]
            rest = sign * (self.v_inf[unit * self.K + k] - v_th)
            self.terms(k, m, p, i_syn, sign, c)
            top[k] = bound_of(m, self.K + self.A, c, rest) + 1e-9 * fabs(v_th)
            if m.n_near:
                top[k] += self.near_top(m, k, i_syn, sign, 0.0)
            if sign < 0.0:
                top[k] = INFINITY  # inputs lower what is waited for; each is looked at
            elif top[k] < 0.0:
                continue
            s = self.search(unit, k, m, c, i_syn, rest, time, due - time, &crossing)
            if s == INFINITY:
                continue
            due = fmin(due, time + s)
            if crossing:
                hit[k] = time + s
        return due

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

    cdef double search(self, int unit, int k, const Modes *m, const double *c, const double *i_syn, double rest, double t,
                       double limit, bint *crossing) noexcept nogil:
        """Return how long after `t` no crossing of compartment k happens, or when it does; inf for none before `limit`."""
        cdef int K = self.K, A = self.A, j, _n
        cdef double[2 * MOST] rate, now
        cdef double sign = 1.0 if self.armed[unit * K + k] else -1.0
        cdef double f = rest, top = rest, slope, bend, step, time = 0.0, x
        cdef double tiny = -1e-13 * fabs(self.v_th[unit * self.stride * K + k])
        crossing[0] = False
        for j in range(K):
            rate[j] = m.lam[j]
        for j in range(A):
            rate[K + j] = 1.0 / self.tau[j]
        for j in range(K + A):
            f += c[j]
            top += c[j] if c[j] > 0.0 else 0.0
            now[j] = c[j]
        if f >= 0.0:
            if self.since[unit * K + k] != t:
                crossing[0] = True
                return 0.0
            f = fmin(tiny, -1e-300)  # it has just been crossed the other way
        if m.n_near:
            top += self.near_top(m, k, i_syn, sign, 0.0)
        if top < 0.0:
            return INFINITY
        for _n in range(MOST_STEPS):
            slope = bend = 0.0
            for j in range(K + A):
                x = now[j] * rate[j]
                slope -= x
                bend += x * rate[j] if x > 0.0 else 0.0
            if m.n_near:
                slope += self.near_slope(m, k, i_syn, sign, time)
                bend += self.near_bend(m, k, i_syn, sign, time)
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
            f = top = rest
            for j in range(K + A):
                now[j] = c[j] * exp(-rate[j] * time)
                f += now[j]
                top += now[j] if now[j] > 0.0 else 0.0
            if m.n_near:
                f += self.near_value(m, k, i_syn, sign, time)
                top += self.near_top(m, k, i_syn, sign, time)
            if f >= 0.0:
                crossing[0] = True
                return time
            if top < 0.0:
                return INFINITY
        return time

    # What the pairs of close rates add to the potential of a compartment, a time after t: value, slope, and upper bounds
    # of value and curvature from then on. See _dendrite_modes.pxd.

    cdef double near_value(self, const Modes *m, int k, const double *i_syn, double sign, double time) noexcept nogil:
        cdef int j, s
        cdef double x = 0.0
        for j in range(self.K):
            for s in range(self.S):
                if m.near[j * self.S + s] != 0.0:
                    x += (sign * m.T[k * self.K + j] * m.near[j * self.S + s] * i_syn[s]
                          * response(m.lam[j], self.mu_of_slot[s], time))
        return x

    cdef double near_slope(self, const Modes *m, int k, const double *i_syn, double sign, double time) noexcept nogil:
        cdef int j, s
        cdef double x = 0.0
        for j in range(self.K):
            for s in range(self.S):
                if m.near[j * self.S + s] != 0.0:
                    x += (sign * m.T[k * self.K + j] * m.near[j * self.S + s] * i_syn[s]
                          * (exp(-self.mu_of_slot[s] * time) - m.lam[j] * response(m.lam[j], self.mu_of_slot[s], time)))
        return x

    cdef double near_top(self, const Modes *m, int k, const double *i_syn, double sign, double time) noexcept nogil:
        cdef int j, s
        cdef double x = 0.0, q, low
        for j in range(self.K):
            for s in range(self.S):
                q = sign * m.T[k * self.K + j] * m.near[j * self.S + s] * i_syn[s]
                if q > 0.0:
                    low = fmin(m.lam[j], self.mu_of_slot[s])
                    # s e^(-low s) bounds the response and is largest at 1 / low
                    x += q * (response(m.lam[j], self.mu_of_slot[s], time) if time * low > 1.01 else 0.37 / low)
        return x

    cdef double near_bend(self, const Modes *m, int k, const double *i_syn, double sign, double time) noexcept nogil:
        cdef int j, s
        cdef double x = 0.0, q, lam, mu, low
        for j in range(self.K):
            for s in range(self.S):
                q = sign * m.T[k * self.K + j] * m.near[j * self.S + s] * i_syn[s]
                lam, mu = m.lam[j], self.mu_of_slot[s]
                low = fmin(lam, mu)
                if q > 0.0:  # lam^2 response - (lam + mu) e^(-mu s): largest, 0.0498 lam for equal rates, at 3 / lam
                    x += q * (lam * lam * response(lam, mu, time) if time * low > 3.1 else 0.06 * fmax(lam, mu))
                elif q < 0.0:
                    x -= q * (lam + mu) * exp(-low * time)
        return x

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
            x += self.near_value(m, k, self.i_syn + unit * S, 1.0, dt)
        return x

    # Events -------------------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.touch(unit, engine.time)
            self.due[unit] = self.predict(unit, engine.time)
            engine.predict(self.first_slot + unit, self.due[unit])
        return 0

    cdef int deliver(self, Engine engine, double time, const Fan *fan) except -1 nogil:
        cdef Py_ssize_t k
        cdef int unit, j, K = self.K, S = self.S, s = fan.receptor
        cdef double due, w, rise
        cdef double *p
        cdef double *top
        cdef const Modes *m
        cdef bint low
        if S == 0:
            self.fail_no_input()
        for k in range(fan.n):
            unit = fan_target(fan, k)
            w = fan_weight(fan, k)
            m = self.touch(unit, time)
            p = self.p + unit * K
            top = self.top + unit * K
            self.i_syn[unit * S + s] += w * m.grow[K + self.slot_tau[s]]
            low = True
            rise = w if w > 0.0 else 0.0
            for j in range(K):
                p[j] -= m.D[j * S + s] * w * m.grow[j]
                top[j] += rise * m.peak[j * S + s]
                low = low and top[j] < 0.0
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
                    self.fire(unit, k, time)
            self.pass_time(unit, time, v, fired)
            self.settle_in(unit, time, v, i_syn)
        self.due[unit] = self.predict(unit, time)
        engine.predict(self.first_slot + unit, self.due[unit])
        self.announce(engine, time, unit, fired)
        if self.watched:
            self.note(time, unit)
        return 0
