# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Populations of neurons with compartments, integrated by steps: for conductances, exponential currents, adaptation.

A step is the implicit midpoint rule with synapses at their mean over the step, which is exact for arrivals at any
time in it, and so are currents over time; so potentials are of second order in dt. All units step side by side; those
that cross a threshold, or in which a clamp begins or ends within the step, are taken again one by one, from event to
event. A crossing is where the parabola through both ends, with the slope at the first, reaches the threshold.

A spike at a time within a step is known at its end only: it is sent with its own time, and arrives late, by less than
dt, where its shortest delay would end before that.
"""

from libc.math cimport INFINITY, exp, expm1, fmax, fmin, nextafter, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from eventsim.errors import ConfigError
from eventsim.states import LATEST, state_array

from eventsim.engine cimport Engine, Event
from eventsim.models.dendrites.population cimport Dendrites, doubles, integers
from eventsim.engine.priorities cimport TICKS
from eventsim.models.inputs.current_sources cimport CurrentSource
from eventsim.population cimport SynapseGroup, SpikeSink, group_target, group_weight


cdef extern from "eventsim/models/dendrites/_ticks.h" nogil:
    enum:
        DENDRITE_BLOCK
    ctypedef struct dendrite_step:
        ptrdiff_t n
        int K, S
        const int32_t *parent
        const int32_t *slot_at
        const int32_t *steep
        const int32_t *adapts
        const double *e_rev
        const double *keep
        const double *mean_of_old
        const double *c2
        const double *coupling
        double *still
        double *drive
        double *limit
        const double *g_exp
        const double *v_t
        const double *delta_t
        const double *cut
        double *gate
        const double *a
        const double *v_w
        const double *half_w
        const double *keep_w
        const double *flowing
        double *v
        double *w
        double *g
        double *late
        double *next
        double *flag
        double care
    ctypedef struct dendrite_work:
        double *diag
        double *rhs
        double *v_old
        double *w_old
        double *mean
    bint dendrite_block(const dendrite_step *d, const dendrite_work *work, ptrdiff_t at, ptrdiff_t m, double time)


cdef enum:
    MOST = 64           # circuits
    MOST_DECAY = 500    # time constants of a synapse in a step
    TICK = -1           # unit of the event that ends a step

cdef double CARE = 2.0          # times dt / tau_mem: h I' / (2 c) above which an exponential current takes shorter steps
cdef double SHORTEST = 1e-4     # of a step
cdef double HELD = 2.0 ** 200   # conductance of a clamp that holds: what is added to it, or to its currents, is lost


cdef class SteppedDendrites(Dendrites):
    """Neurons with compartments that step by `dt`."""

    cdef readonly double dt
    cdef dendrite_step d
    cdef dendrite_work work
    cdef double *b                  # (n, K)
    cdef double *flowing            # (K, n) means of currents over the step at hand
    cdef double *g_rest             # (K, n) leak and couplings
    cdef int64_t[::1] tick          # (1,) steps so far
    cdef double *shortest           # (n_sinks,) delay of each projection
    cdef bint settled

    def __init__(self, int n, str name, tree, values, double dt, currents=()):
        super().__init__(n, name, tree, values, currents)
        self.dt = dt
        K, S = self.K, self.S

        def by_circuit(key):
            return np.array(np.broadcast_to(values[key].T, (K, n)), order="C")

        own = self.values
        still = by_circuit("g_leak").copy()
        for k, parent in enumerate(tree.parent):
            if parent >= 0:
                still[k] += by_circuit("coupling")[k]
                still[parent] += by_circuit("coupling")[k]
        tau_w = by_circuit("tau_w")
        own |= {
            "t_c2": 2.0 * by_circuit("c_mem") / dt,
            "t_rest": still,
            "t_coupling": by_circuit("coupling"),
            "t_exp": by_circuit("g_exp"),
            "t_v_t": by_circuit("v_t"),
            "t_delta": np.where(by_circuit("delta_t") > 0, by_circuit("delta_t"), 1.0),
            "t_cut": by_circuit("v_th"),
            "t_a": by_circuit("a"),
            "t_v_w": by_circuit("v_w"),
            "t_half_w": 0.5 * dt / tau_w,
            "t_keep_w": np.exp(-dt / tau_w),
            "t_tau_w": tau_w,
            "b": values["b"],
            "steep": (values["delta_t"] > 0).any(axis=0),
            "adapts": (values["a"] != 0).any(axis=0) | (values["b"] != 0).any(axis=0),
        }
        tau = np.array([each for _, each, _ in tree.slots])
        if len(tau) and tau.min() < dt / MOST_DECAY:
            raise ConfigError(
                f"a receptor of {name!r} has tau_syn = {tau.min():g}, which is too short for ticks of {dt:g}")
        own["t_keep"] = np.exp(-dt / tau)
        own["t_old"] = -np.expm1(-dt / tau) * tau / dt
        for key, shape in (("still", (K, n)), ("drive", (K, n)), ("limit", (K, n)), ("gate", (K, n)), ("flag", (n,)),
                           ("next", (n,)), ("work", (4 * K + S, DENDRITE_BLOCK))):
            own["t_" + key] = np.zeros(shape)
        self.arrays |= {
            "v": by_circuit("v_init").copy(),
            "w": np.zeros((K, n)),
            "g": np.zeros((S, n)),
            "late": np.zeros((S, n)),
            "tick": np.zeros(1, np.int64),
        }
        self.tick = self.arrays["tick"]
        cdef dendrite_step *d = &self.d
        d.n, d.K, d.S = n, self.K, self.S
        steep = values["delta_t"] > 0
        d.care = min(0.05, CARE * dt * np.max((values["g_exp"] / values["c_mem"])[steep], initial=0.0))
        d.parent, d.slot_at = self.parent, self.slot_at
        d.steep, d.adapts = integers(own, "steep"), integers(own, "adapts")
        d.e_rev = self.e_rev
        d.keep, d.mean_of_old = doubles(own, "t_keep"), doubles(own, "t_old")
        d.c2, d.coupling = doubles(own, "t_c2"), doubles(own, "t_coupling")
        d.still, d.drive = doubles(own, "t_still"), doubles(own, "t_drive")
        d.limit, d.gate = doubles(own, "t_limit"), doubles(own, "t_gate")
        d.g_exp, d.v_t, d.delta_t = doubles(own, "t_exp"), doubles(own, "t_v_t"), doubles(own, "t_delta")
        d.cut, d.a, d.v_w = doubles(own, "t_cut"), doubles(own, "t_a"), doubles(own, "t_v_w")
        d.half_w, d.keep_w = doubles(own, "t_half_w"), doubles(own, "t_keep_w")
        d.v, d.w = doubles(self.arrays, "v"), doubles(self.arrays, "w")
        d.g, d.late = doubles(self.arrays, "g"), doubles(self.arrays, "late")
        d.next, d.flag = doubles(own, "t_next"), doubles(own, "t_flag")
        self.g_rest, self.b = doubles(own, "t_rest"), doubles(own, "b")
        if self.E:
            own["t_flowing"] = np.zeros((K, n))
            self.flowing = doubles(own, "t_flowing")
        d.flowing = self.flowing
        cdef dendrite_work *work = &self.work
        work.diag = doubles(own, "t_work")
        work.rhs = work.diag + self.K * DENDRITE_BLOCK
        work.v_old = work.rhs + self.K * DENDRITE_BLOCK
        work.w_old = work.v_old + self.K * DENDRITE_BLOCK
        work.mean = work.w_old + self.K * DENDRITE_BLOCK
        for unit in range(n):
            self.refresh(unit)

    def __dealloc__(self):
        free(self.shortest)

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these neurons cannot have it; nothing changes."""
        # What happens within a tick is known at its end: until then the neurons stand at its start.
        tick = state_array(state, "tick", np.int64, (1,), 0, LATEST, of=self.name)[0]
        if time is not None and not tick * self.dt <= time <= (tick + 1) * self.dt:
            raise ValueError(f"'tick' in the state of {self.name} is {tick}, but the clock is at {time!r}")
        return super().check_state(state, tick * self.dt)

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        super().restore(state)
        for unit in range(self.n):
            self.refresh(unit)

    cdef int refresh(self, int unit) except -1 nogil:
        """Derive from phases and currents what a step reads."""
        cdef int K = self.K, k, ph, at, set_ = unit * self.stride
        cdef ptrdiff_t o
        cdef double g
        cdef bint watching
        for k in range(K):
            o = k * self.d.n + unit
            at = set_ * K + k
            ph = self.phase[unit * K + k]
            self.d.still[o] = self.g_rest[o]
            self.d.drive[o] = self.i_leak[at] + self.i_ext[at] + self.i_step[unit * K + k]
            self.d.gate[o] = 1.0
            if 1 <= ph <= self.n_phases[k]:
                g = self.conductances[at * self.P + ph - 1]
                if g == INFINITY:
                    g = HELD
                self.d.still[o] += g
                self.d.drive[o] += g * self.targets[at * self.P + ph - 1]
                self.d.gate[o] = 0.0
            watching = ph == 0 and self.v_th[at] < INFINITY
            # A comparator that waits for a fall has the unit looked at in every step.
            self.d.limit[o] = INFINITY if not watching else self.v_th[at] if self.armed[unit * K + k] else -INFINITY
        self.d.next[unit] = self.next_transition(unit)
        return 0

    # One unit, from event to event ----------------------------------------------------------------

    cdef bint is_stiff(self, int unit, double h, const double *mean) noexcept nogil:
        """Return whether the midpoint rule would ring over a step h: g h / c is above 2 in a compartment."""
        cdef const dendrite_step *d = &self.d
        cdef int k, s
        cdef double g
        for k in range(self.K):
            g = d.still[k * d.n + unit]
            if self.held_at(unit, k) != NULL:
                continue  # it is at its target already
            for s in range(self.S):
                if self.slot_at[s] == k and d.e_rev[s] == d.e_rev[s]:
                    g += mean[s * DENDRITE_BLOCK]
            if g > d.c2[k * d.n + unit] * (self.dt / h):
                return True
        return False

    cdef void step_one(self, int unit, double h, const double *mean, const double *v, const double *w, double *end,
                       double *w_end) noexcept nogil:
        """Step a unit by h: by the midpoint rule, or, if it is stiff, by an L-stable rule of second order.

        The latter extrapolates backward Euler: twice the result of two half steps less that of a whole step.
        """
        cdef double[MOST] half, w_half
        cdef int k
        if not self.is_stiff(unit, h, mean):
            self.solve_step(unit, h, mean, v, w, end, w_end, 2.0)
            return
        self.solve_step(unit, h, mean, v, w, end, w_end, 1.0)
        self.solve_step(unit, 0.5 * h, mean, v, w, half, w_half, 1.0)
        cdef double[MOST] full, w_full
        for k in range(self.K):
            full[k], w_full[k] = end[k], w_end[k]
        self.solve_step(unit, 0.5 * h, mean, half, w_half, end, w_end, 1.0)
        for k in range(self.K):
            end[k], w_end[k] = 2.0 * end[k] - full[k], 2.0 * w_end[k] - w_full[k]

    cdef void solve_step(self, int unit, double h, const double *mean, const double *v, const double *w, double *end,
                         double *w_end, double order) noexcept nogil:
        """Step the potentials `v` and adaptations `w` of a unit by h, its synapses at their mean (column of a block).

        `order` is 2 for the midpoint rule, 1 for backward Euler.
        """
        cdef double[MOST] x, y
        cdef const dendrite_step *d = &self.d
        cdef int K = self.K, k, s, p
        cdef ptrdiff_t o
        cdef double c2, slope, f, keep, scale = self.dt / h
        for k in range(K):
            o = k * d.n + unit
            c2 = 0.5 * order * d.c2[o] * scale
            x[k] = c2 + d.still[o]
            y[k] = c2 * v[k] + d.drive[o]
            if d.flowing != NULL:
                y[k] += d.flowing[o]
            if d.steep[k]:
                slope = d.gate[o] * d.g_exp[o] * exp(fmin((fmin(v[k], d.cut[o]) - d.v_t[o]) / d.delta_t[o], 700.0))
                x[k] -= slope
                y[k] += slope * (d.delta_t[o] - v[k])
            if d.adapts[k]:
                y[k] -= w[k] + d.half_w[o] / scale * (d.a[o] * (v[k] - d.v_w[o]) - w[k])
        for s in range(self.S):
            f = mean[s * DENDRITE_BLOCK]
            k = self.slot_at[s]
            if d.e_rev[s] != d.e_rev[s]:
                y[k] += f
            else:
                x[k] += f
                y[k] += f * d.e_rev[s]
        for k in range(K - 1):
            p = self.parent[k]
            f = d.coupling[k * d.n + unit] / x[k]
            x[p] -= f * d.coupling[k * d.n + unit]
            y[p] += f * y[k]
        for k in range(K - 1, -1, -1):
            o = k * d.n + unit
            if k < K - 1:
                y[k] += d.coupling[o] * y[self.parent[k]]
            y[k] /= x[k]
            end[k] = order * y[k] - (order - 1.0) * v[k]
            if d.adapts[k]:
                keep = exp(-2.0 * d.half_w[o] / scale)
                w_end[k] = w[k] * keep + d.a[o] * (y[k] - d.v_w[o]) * (1.0 - keep)
            else:
                w_end[k] = w[k]

    cdef double slope_of(self, int unit, int k, const double *mean, const double *v, const double *w) noexcept nogil:
        """Return dv/dt of a compartment."""
        cdef const dendrite_step *d = &self.d
        cdef int s, o
        cdef ptrdiff_t at = k * d.n + unit
        cdef double i = d.drive[at] - d.still[at] * v[k]
        if d.flowing != NULL:
            i += d.flowing[at]
        for o in range(self.K):
            if o != k and self.parent[o] == k:
                i += d.coupling[o * d.n + unit] * v[o]
        if self.parent[k] >= 0:
            i += d.coupling[at] * v[self.parent[k]]
        for s in range(self.S):
            if self.slot_at[s] == k:
                i += mean[s * DENDRITE_BLOCK] * (1.0 if d.e_rev[s] != d.e_rev[s] else d.e_rev[s] - v[k])
        if d.steep[k]:
            i += d.gate[at] * d.g_exp[at] * d.delta_t[at] * exp(
                fmin((fmin(v[k], d.cut[at]) - d.v_t[at]) / d.delta_t[at], 700.0))
        if d.adapts[k]:
            i -= w[k]
        return 2.0 * i / (d.c2[at] * self.dt)

    cdef double longest(self, int unit, const double *v) noexcept nogil:
        """Return the longest step that a unit can take for its exponential currents."""
        cdef const dendrite_step *d = &self.d
        cdef double h = self.dt, slope
        cdef ptrdiff_t o
        cdef int k
        for k in range(self.K):
            if d.steep[k]:
                o = k * d.n + unit
                slope = d.gate[o] * d.g_exp[o] * exp(fmin((fmin(v[k], d.cut[o]) - d.v_t[o]) / d.delta_t[o], 700.0))
                if slope > d.care * d.c2[o]:
                    h = fmin(h, self.dt * fmax(d.care * d.c2[o] / slope, SHORTEST))
        return h

    cdef int take_again(self, Engine engine, int unit, int column, double start, double end) except -1 nogil:
        """Carry a unit over a step from event to event; `column` of the block has its start."""
        cdef double[MOST] v, w, v_end, w_end
        cdef uint8_t[MOST] fired
        cdef int K = self.K, k, first
        cdef ptrdiff_t o
        cdef double t = start, stop, h, theta, least, f0, f1, rise
        cdef bint transitions, any_fired
        cdef const double *mean = self.work.mean + column
        for k in range(K):
            v[k] = self.work.v_old[k * DENDRITE_BLOCK + column]
            w[k] = self.work.w_old[k * DENDRITE_BLOCK + column] if self.d.adapts[k] else 0.0
        while t < end:
            stop = fmin(end, self.d.next[unit])
            h = fmin(stop - t, self.longest(unit, v))
            if h < stop - t:
                stop = t + h
            memset(fired, 0, K)
            first = -1
            least = 2.0
            if h > 0.0:
                self.step_one(unit, h, mean, v, w, v_end, w_end)
                for k in range(K):
                    if self.phase[unit * K + k] or self.v_th[unit * self.stride * K + k] == INFINITY:
                        continue
                    f0 = v[k] - self.v_th[unit * self.stride * K + k]
                    f1 = v_end[k] - self.v_th[unit * self.stride * K + k]
                    if not self.armed[unit * K + k]:
                        f0, f1 = -f0, -f1
                    if f1 < 0.0 or (f0 >= 0.0 and self.since[unit * K + k] == t):
                        continue
                    theta = 0.0
                    if f0 < 0.0:
                        rise = h * self.slope_of(unit, k, mean, v, w) * (1.0 if self.armed[unit * K + k] else -1.0)
                        theta = parabola_root(f0, rise, f1)
                    if theta < least:
                        least = theta
                        first = k
            if first >= 0:
                if least < 1.0:
                    stop = t + least * h
                    if least > 0.0:
                        self.step_one(unit, least * h, mean, v, w, v_end, w_end)
                    else:
                        for k in range(K):
                            v_end[k] = v[k]
                            w_end[k] = w[k]
                k = first
                if self.armed[unit * K + k]:
                    fired[k] = 1
                    self.fire(unit, k, stop, v_end)
                else:
                    self.armed[unit * K + k] = 1
                    self.since[unit * K + k] = stop
            if h > 0.0:
                for k in range(K):
                    v[k] = v_end[k]
                    w[k] = w_end[k]
            t = stop
            transitions = self.next_transition(unit) <= t
            if transitions:
                self.pass_time(unit, t, v, fired)
            if transitions or first >= 0:
                self.refresh(unit)
                any_fired = False
                for k in range(K):
                    if fired[k]:
                        any_fired = True
                        w[k] += self.b[unit * self.stride * K + k]
                if any_fired:
                    self.announce(engine, t, unit, fired)
        for k in range(K):
            o = k * self.d.n + unit
            self.d.v[o] = v[k]
            self.d.w[o] = w[k]
        return 0

    # Events -------------------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int k
        if not self.settled:
            self.settled = True
            self.shortest = <double *> calloc(self.n_sinks + 1, sizeof(double))
            if self.shortest == NULL:
                raise MemoryError
            for k in range(self.n_sinks):
                self.shortest[k] = getattr(self.sinks[k], "min_delay", 0.0)
            # Neurons above threshold at once fire in the first step.
            for unit in range(self.n):
                self.refresh(unit)
            engine.push((self.tick[0] + 1) * self.dt, self.id, TICK, 0.0, TICKS)
        return 0

    cdef int emit(self, Engine engine, double time, int unit) except -1 nogil:
        cdef int k
        cdef double sent
        if self.keep_spikes:
            self.log.append(time, unit)
        for k in range(self.n_sinks):
            sent = time
            if sent + self.shortest[k] < engine.time:
                sent = engine.time - self.shortest[k]
                while sent + self.shortest[k] < engine.time:
                    sent = nextafter(sent, INFINITY)
            (<SpikeSink> self.sink[k]).send(engine, sent, unit)
        if self.hooked:
            self.call_hooks(time, unit)
        return 0

    def unit_range(self):
        """Return the units that an event may have; a tick stands for all of them."""
        return TICK, max(self.n, 1)

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        """Keep what arrives as `dendrite_synapses` takes it."""
        cdef Py_ssize_t k
        cdef int unit
        cdef double *g = self.d.g + group.receptor * self.d.n
        cdef double *late = self.d.late + group.receptor * self.d.n
        cdef double w, rate, grown, excess
        if self.S == 0:
            with gil:
                raise TypeError(f"{self.name!r} takes no input: none of its compartments has a receptor")
        rate = self.mu_of_slot[group.receptor]
        time -= self.tick[0] * self.dt
        # Its mean over the whole step, less that from its arrival on.
        grown = exp(time * rate)
        excess = expm1(time * rate) / (self.dt * rate)
        for k in range(group.n):
            unit = group_target(group, k)
            w = group_weight(group, k)
            g[unit] += w * grown
            late[unit] += w * excess
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        if event.unit != TICK:
            return Dendrites.receive(self, engine, event)
        self.step(engine, self.tick[0] * self.dt, event.time)
        self.tick[0] += 1
        return engine.push((self.tick[0] + 1) * self.dt, self.id, TICK, 0.0, TICKS)

    cdef int step(self, Engine engine, double start, double end) except -1 nogil:
        cdef ptrdiff_t at = 0, m, u
        cdef int e
        cdef double *row
        if self.E:
            memset(self.flowing, 0, self.K * self.d.n * sizeof(double))
        for e in range(self.E):
            row = self.flowing + self.current_at[e] * self.d.n
            for u in range(self.d.n):
                row[u] += (<CurrentSource> self.source[e]).mean(
                    <int> u, start, end, &self.piece[u, e], &self.held_level[u, e])
        while at < self.d.n:
            m = min(self.d.n - at, <ptrdiff_t> DENDRITE_BLOCK)
            if dendrite_block(&self.d, &self.work, at, m, end):
                for u in range(m):
                    if self.d.flag[at + u] > 0.0:
                        self.take_again(engine, <int> (at + u), <int> u, start, end)
            at += m
        return 0

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef ptrdiff_t at = self.which[variable] * self.d.n + unit
        if self.kind[variable] == 1:
            return self.d.g[at] * exp((self.tick[0] * self.dt - time) * self.mu_of_slot[self.which[variable]])
        return self.d.w[at] if self.kind[variable] == 2 else self.d.v[at]


cdef double parabola_root(double f0, double rise, double f1) noexcept nogil:
    """Return where f0 + rise x + (f1 - f0 - rise) x^2 first reaches 0 for f0 < 0 <= f1; x in (0, 1]."""
    cdef double a = f1 - f0 - rise
    cdef double square = rise * rise - 4.0 * a * f0
    cdef double x = -1.0
    if square >= 0.0 and rise + sqrt(square) > 0.0:
        x = -2.0 * f0 / (rise + sqrt(square))
    if 0.0 < x <= 1.0:
        return x
    return f0 / (f0 - f1)
