# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The state of neurons with compartments as modes: amplitudes that decay, and the modes of each set of clamps.

Between inputs, starts and ends of clamps, and steps of currents, every potential is a sum of exponentials (see
_modes.pxd). The modes are computed once for each set of clamps that are on, and kept in a hash table.

What a current over time does in addition is known in closed form, mode by mode: a current b t takes y_j to
b t / lam_j - b / lam_j^2, and a sine of e^(i omega t) to e^(i omega t) / (lam_j + i omega).
"""

from libc.math cimport INFINITY, cos, exp, fmin, fmod, sin
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.models.dendrites._modes cimport MOST, RUNGS, Modes, find_modes, response, turn
from eventsim.models.dendrites.population cimport Dendrites, doubles
from eventsim.models.inputs.current_sources cimport CurrentSource, Sine

cdef enum:
    LOG_CAPACITY = 16       # of the first table of modes


cdef double TURN = 2.0 * np.pi


cdef class ModalDendrites(Dendrites):
    """Neurons whose synapses are currents and whose conductances are constant between events."""

    def __init__(self, int n, str name, tree, values, currents=()):
        super().__init__(n, name, tree, values, currents)
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
            "top": np.full((n, self.K), np.inf),
        }
        self.p = doubles(self.arrays, "p")
        self.i_syn = doubles(self.arrays, "i_syn")
        self.v_inf = doubles(self.arrays, "v_inf")
        self.t = doubles(self.arrays, "t")
        self.upper = doubles(self.arrays, "top")
        if self.E:
            self.sines = [(k, each) for k, each in enumerate(self.currents) if each.is_sine]
            self.W = len(self.sines)
            self.arrays["line_start"] = np.zeros(n)
            self.line_start = doubles(self.arrays, "line_start")
            own = self.values
            own["ramp"], own["wave"] = np.zeros((n, self.K)), np.zeros((n, self.W, self.K, 2))
            own["omega"], own["phase_at_0"] = [
                np.array([getattr(each, key) for _, each in self.sines]).reshape(self.W, n).T for key in ("omega", "phase")]
            self.ramp, self.wave = doubles(own, "ramp"), doubles(own, "wave")
            self.omega, self.phase_at_0 = doubles(own, "omega"), doubles(own, "phase_at_0")
        self.modes = <Modes **> calloc(max(n, 1), sizeof(Modes *))
        self.current = <double *> calloc(self.S + 1, sizeof(double))
        self.capacity = 1 << LOG_CAPACITY
        self.table = <Modes **> calloc(self.capacity, sizeof(Modes *))
        self.keys = <uint64_t *> calloc(self.capacity, sizeof(uint64_t))
        if self.modes == NULL or self.current == NULL or self.table == NULL or self.keys == NULL:
            raise MemoryError
        v_init = np.ascontiguousarray(np.broadcast_to(values["v_init"], (n, self.K)))
        cdef const double[:, ::1] v = v_init
        for unit in range(n):
            self.settle_in(unit, 0.0, &v[unit, 0], self.current)

    def __dealloc__(self):
        cdef Py_ssize_t k
        if self.table != NULL:
            for k in range(self.capacity):
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
            if self.E:
                self.lay_currents(unit, self.modes[unit])

    # Currents over time -------------------------------------------------------------------------

    cdef double next_transition(self, int unit) noexcept nogil:
        """Return when the next phase ends, or a current changes."""
        cdef double least = Dendrites.next_transition(self, unit)
        cdef int e
        for e in range(self.E):
            least = fmin(least, (<CurrentSource> self.source[e]).until(self.piece[unit, e]))
        return least

    cdef bint pass_time(self, int unit, double time, double *v, uint8_t *fired) except -1 nogil:
        cdef int e
        cdef int64_t *k
        for e in range(self.E):
            k = &self.piece[unit, e]
            while (<CurrentSource> self.source[e]).until(k[0]) <= time:
                k[0] += 1
                self.held_level[unit, e] = (<CurrentSource> self.source[e]).next_level(unit, k[0], self.held_level[unit, e])
        return Dendrites.pass_time(self, unit, time, v, fired)

    cdef void lay_currents(self, int unit, const Modes *m) noexcept nogil:
        """Work out what slopes of currents, and sines, do to the potentials while the modes of a unit stay."""
        cdef int K = self.K, e, j, k, at, w = 0
        cdef double *ramp = self.ramp + unit * K
        cdef double *wave
        cdef double slope, omega, x
        memset(ramp, 0, K * sizeof(double))
        for e in range(self.E):
            at = self.current_at[e]
            if self.held_at(unit, at) != NULL:
                slope = 0.0
            else:
                slope = (<CurrentSource> self.source[e]).slope(unit, self.piece[unit, e])
            if slope != 0.0:
                for j in range(K):
                    x = m.T[at * K + j] * slope / m.lam[j]
                    for k in range(K):
                        ramp[k] += m.T[k * K + j] * x
            if not (<CurrentSource> self.source[e]).is_sine:
                continue
            wave = self.wave + (unit * self.W + w) * K * 2
            omega = self.omega[unit * self.W + w]
            w += 1
            memset(wave, 0, 2 * K * sizeof(double))
            if self.held_at(unit, at) != NULL:
                continue
            for j in range(K):
                x = (<Sine> self.source[e]).amplitude[unit] * m.T[at * K + j] / (m.lam[j] * m.lam[j] + omega * omega)
                for k in range(K):
                    wave[2 * k] += m.T[k * K + j] * x * m.lam[j]
                    wave[2 * k + 1] -= m.T[k * K + j] * x * omega

    cdef double forced(self, int unit, int k, double time) noexcept nogil:
        """Return what slopes of currents and sines add to v_inf of a compartment at `time`."""
        cdef double x = self.ramp[unit * self.K + k] * (time - self.line_start[unit]), angle
        cdef const double *wave
        cdef int w
        for w in range(self.W):
            wave = self.wave + ((unit * self.W + w) * self.K + k) * 2
            angle = fmod(self.omega[unit * self.W + w] * time, TURN) + self.phase_at_0[unit * self.W + w]
            x += wave[0] * sin(angle) + wave[1] * cos(angle)
        return x

    # Modes --------------------------------------------------------------------------------------

    cdef Modes *modes_of(self, int unit) except NULL nogil:
        """Return the modes for the clamps of a unit that are on."""
        cdef uint64_t key = self.clamp_code(unit) + self.n_codes * <uint64_t> (unit * self.stride) + 1
        cdef Py_ssize_t at = <Py_ssize_t> ((key * <uint64_t> 0x9E3779B97F4A7C15) >> 20) & (self.capacity - 1)
        while self.keys[at] != key:
            if self.keys[at] == 0:
                if 2 * self.n_modes >= self.capacity:
                    self.grow_table()
                    return self.modes_of(unit)
                self.table[at] = self.make_modes(unit)
                self.keys[at] = key
                self.n_modes += 1
                break
            at = (at + 1) & (self.capacity - 1)
        return self.table[at]

    cdef int grow_table(self) except -1 nogil:
        cdef Py_ssize_t capacity = 2 * self.capacity, k, at
        cdef Modes **table = <Modes **> calloc(capacity, sizeof(Modes *))
        cdef uint64_t *keys = <uint64_t *> calloc(capacity, sizeof(uint64_t))
        if table == NULL or keys == NULL:
            free(table)
            free(keys)
            with gil:
                raise MemoryError
        for k in range(self.capacity):
            if self.keys[k]:
                at = <Py_ssize_t> ((self.keys[k] * <uint64_t> 0x9E3779B97F4A7C15) >> 20) & (capacity - 1)
                while keys[at]:
                    at = (at + 1) & (capacity - 1)
                keys[at] = self.keys[k]
                table[at] = self.table[k]
        free(self.table)
        free(self.keys)
        self.table = table
        self.keys = keys
        self.capacity = capacity
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
        cdef const double *target
        cdef uint8_t[MOST] held
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
            held[k] = self.held_at(unit, k) != NULL
            if 1 <= ph <= self.n_phases[k] and not held[k]:
                g_clamp = self.conductances[(set_ * K + k) * self.P + ph - 1]
                g[k * K + k] += g_clamp
                m.drive[k] += g_clamp * self.targets[(set_ * K + k) * self.P + ph - 1]
        # One that is held is cut off, with a mode of its own that stays at 0; its neighbours see a fixed potential.
        for k in range(K):
            target = self.held_at(unit, k)
            if target == NULL:
                continue
            for o in range(K):
                if o != k:
                    m.drive[o] -= g[o * K + k] * target[0]
                    g[o * K + k] = g[k * K + o] = 0.0
        find_modes(m, work, K, S, self.A, self.c_mem + set_ * K, g, <const int *> self.slot_at, self.mu_of_slot, self.tau,
                   held)
        free(work)
        return m

    cdef int settle_in(self, int unit, double time, const double *v, const double *i_syn) except -1 nogil:
        """Start at `time` from potentials and currents, with the clamps and constant currents that are on now."""
        cdef int K = self.K, S = self.S, j, k, s
        cdef Modes *m = self.modes_of(unit)
        cdef double *v_inf = self.v_inf + unit * K
        cdef const double *i_step = self.i_step + unit * K
        cdef const double *held
        cdef double[MOST] level, slope
        cdef double x, y
        turn(m, time, K, self.A, self.tau)
        if self.E:
            memcpy(level, i_step, K * sizeof(double))
            memset(slope, 0, K * sizeof(double))
            i_step = level
            self.line_start[unit] = time
            self.lay_currents(unit, m)
            for s in range(self.E):
                if not (<CurrentSource> self.source[s]).is_sine:
                    k = self.current_at[s]
                    level[k] += (<CurrentSource> self.source[s]).value(
                        unit, self.piece[unit, s], time, self.held_level[unit, s])
                    slope[k] += (<CurrentSource> self.source[s]).slope(unit, self.piece[unit, s])
        self.modes[unit] = m
        self.t[unit] = m.start
        memset(v_inf, 0, K * sizeof(double))
        for j in range(K):
            x = 0.0
            for k in range(K):
                x += m.T[k * K + j] * (m.drive[k] + i_step[k])
            if self.E:
                y = 0.0
                for k in range(K):
                    y += m.T[k * K + j] * slope[k]
                x -= y / m.lam[j]
            x /= m.lam[j]
            for k in range(K):
                v_inf[k] += m.T[k * K + j] * x
        for k in range(K):
            held = self.held_at(unit, k)
            if held != NULL:
                v_inf[k] = held[0]
        for j in range(K):
            x = 0.0
            for k in range(K):
                x += m.R[j * K + k] * (v[k] - v_inf[k] - (self.forced(unit, k, time) if self.E else 0.0))
            for s in range(S):
                x -= m.D[j * S + s] * i_syn[s]
            self.p[unit * K + j] = x * m.grow[j]
        for s in range(S):
            self.i_syn[unit * S + s] = i_syn[s] * m.grow[K + self.slot_tau[s]]
        for k in range(K):
            self.upper[unit * K + k] = INFINITY
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
            v[k] = x + self.forced(unit, k, m.now) if self.E else x
