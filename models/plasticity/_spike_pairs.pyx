# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pairs and triplets of spikes: weights follow when a spike of the source reaches the synapse.

Spikes of the targets are kept with their traces. When a spike of the source comes, each synapse first follows the spikes of
its target that came since the last one, in their order, then the new one. A target's spike costs nothing but its entry, and
synapses are visited in the order in which they are stored. Every trace is decayed in closed form from its last spike.
"""

from libc.math cimport exp, pow
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from eventsim.engine cimport Engine
from eventsim.kernels.memory cimport resized
from eventsim.population cimport SynapseGroup
from eventsim.models.plasticity._histories import checked_history
from eventsim.states import LATEST, state_arrays
from eventsim.synapses cimport SYNAPTIC, ArrivalObserver, Synapses


cdef extern from *:
    """
    #if defined(__GNUC__)
      #define eventsim_soon(p) __builtin_prefetch(p)
    #else
      #define eventsim_soon(p) ((void)0)
    #endif
    """
    void eventsim_soon(const void *p) noexcept nogil

cdef enum:
    AHEAD = 12          # synapses whose targets are fetched before it is their turn

cdef inline double share(double x, double mu) noexcept nogil:
    """Return x^mu; the common exponents without `pow`."""
    if mu == 0.0:
        return 1.0
    return x if mu == 1.0 else pow(x, mu)


cdef class SpikePairs(ArrivalObserver):
    """The plasticity of one projection.

    A row is what has a trace of its source: the source, or where delays differ the synapse.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine, optional
        None on the windows schedule.
    rule : object
        With a_plus, a_minus, a_plus_triplet, a_minus_triplet, tau_plus, tau_minus, tau_plus_triplet,
        tau_minus_triplet, mu_plus, mu_minus, w_max; `nearest` and `dendritic` as bool.
    """

    def __init__(self, Synapses synapses not None, Engine engine, rule):
        super().__init__(engine)
        self.synapses = synapses
        self.weight = synapses.own_weights()
        self.a_plus, self.a_minus, self.w_max = rule.a_plus, rule.a_minus, rule.w_max
        self.a_plus_triplet, self.a_minus_triplet = rule.a_plus_triplet, rule.a_minus_triplet
        self.mu_plus, self.mu_minus = rule.mu_plus, rule.mu_minus
        self.rate_plus, self.rate_minus = 1.0 / rule.tau_plus, 1.0 / rule.tau_minus
        self.rate_plus_triplet, self.rate_minus_triplet = 1.0 / rule.tau_plus_triplet, 1.0 / rule.tau_minus_triplet
        self.nearest, self.dendritic = rule.nearest, rule.dendritic
        self.plain = self.a_plus_triplet == 0.0 and self.a_minus_triplet == 0.0
        self.lowest, self.highest = 0.0, self.w_max
        n_rows = synapses.n if synapses.delay_kind == SYNAPTIC else synapses.pre.n
        self.arrays = {"plus": np.zeros(n_rows), "slow": np.zeros(n_rows), "last": np.full(n_rows, -np.inf),
                       "done": np.full(n_rows, -np.inf)}
        self.arrays["count"] = np.zeros(synapses.post.n, np.int32)
        self.view(np.zeros((synapses.post.n, 16, 3)))

    cdef int view(self, history) except -1:
        """Look at the arrays, and at a history of shape (n_post, capacity, 3)."""
        self.arrays["history"] = history
        self.plus, self.slow = self.arrays["plus"], self.arrays["slow"]
        self.last, self.done, self.count = self.arrays["last"], self.arrays["done"], self.arrays["count"]
        self.history = history.view([("time", "f8"), ("minus", "f8"), ("slow", "f8")])[:, :, 0]
        return 0

    cdef double potentiated(self, double w, int64_t row, const Post *h, double at) noexcept nogil:
        """Return the weight after a spike of its target that reaches the synapse at a time."""
        cdef double factor = self.plus[row] * exp((self.last[row] - at) * self.rate_plus)
        factor *= self.a_plus + self.a_plus_triplet * h.slow
        w += factor * share(1.0 - w / self.w_max, self.mu_plus)
        return self.w_max if w > self.w_max else w

    cdef double follow(self, double w, int64_t row, int unit, double shift, double until) noexcept nogil:
        """Return the weight after the spikes of its target in (done, until], which reach the synapse `shift` late."""
        cdef Post *h = &self.history[unit, 0]
        cdef int n = self.count[unit], k = n
        cdef double at
        while k > 0 and h[k - 1].time + shift > self.done[row]:
            k -= 1
        while k < n:
            at = h[k].time + shift
            if at > until:
                break
            w = self.potentiated(w, row, &h[k], at)
            k += 1
        return w

    cdef double depressed(self, double w, int64_t row, int unit, double shift, double time) noexcept nogil:
        """Return the weight after a spike of its source."""
        cdef Post *h = &self.history[unit, 0]
        cdef int k = self.count[unit] - 1
        cdef double factor, slow
        while k >= 0 and h[k].time + shift >= time:
            k -= 1
        if k < 0:
            return w
        factor = h[k].minus * exp((h[k].time + shift - time) * self.rate_minus)
        if self.a_minus_triplet != 0.0:
            slow = self.slow[row] * exp((self.last[row] - time) * self.rate_plus_triplet)
            w -= factor * (self.a_minus + self.a_minus_triplet * slow) * share(w / self.w_max, self.mu_minus)
        else:
            w -= factor * self.a_minus * share(w / self.w_max, self.mu_minus)
        return w if w > 0.0 else 0.0

    cdef void advance(self, int64_t k, int64_t row, int unit, double shift, double until) noexcept nogil:
        """Let a synapse follow the spikes of its target in (done, until]."""
        self.weight[k] = self.follow(self.weight[k], row, unit, shift, until)

    cdef void arrive(self, int64_t k, int64_t row, int unit, double shift, double time) noexcept nogil:
        """Let a synapse take a spike of its source, after those of its target."""
        cdef double w = self.follow(self.weight[k], row, unit, shift, time)
        self.weight[k] = self.depressed(w, row, unit, shift, time)

    cdef void note(self, int64_t row, double time) noexcept nogil:
        """Let the traces of a source take a spike."""
        cdef double since = self.last[row] - time
        self.plus[row] = 1.0 if self.nearest else 1.0 + self.plus[row] * exp(since * self.rate_plus)
        if self.a_minus_triplet != 0.0:
            self.slow[row] = 1.0 + self.slow[row] * exp(since * self.rate_plus_triplet)
        self.last[row] = time
        self.done[row] = time

    cdef void pass_pairs(
            self, int64_t row, double shift, double time, double *weight, const int32_t *target, Py_ssize_t n) noexcept nogil:
        """Do to the weights of a group what `follow` and `depressed` do, where only pairs count and a source has one trace."""
        cdef double a_plus = self.a_plus, a_minus = self.a_minus, mu_plus = self.mu_plus, mu_minus = self.mu_minus
        cdef double w_max = self.w_max, rate_plus = self.rate_plus, rate_minus = self.rate_minus
        cdef double plus = self.plus[row], last = self.last[row], done = self.done[row], w, at
        cdef const Post *history = &self.history[0, 0]
        cdef const int32_t *count = &self.count[0]
        cdef Py_ssize_t capacity = self.history.shape[1], k, ahead
        cdef const Post *h
        cdef int i, m
        for k in range(n):
            ahead = k + AHEAD
            if ahead < n:
                eventsim_soon(history + target[ahead] * capacity + count[target[ahead]] - 1)
            h = history + target[k] * capacity
            w = weight[k]
            m = i = count[target[k]]
            while i > 0 and h[i - 1].time + shift > done:
                i -= 1
            while i < m:
                at = h[i].time + shift
                if at > time:
                    break
                w += plus * exp((last - at) * rate_plus) * a_plus * share(1.0 - w / w_max, mu_plus)
                if w > w_max:
                    w = w_max
                i += 1
            i -= 1
            while i >= 0 and h[i].time + shift >= time:
                i -= 1
            if i >= 0:
                w -= h[i].minus * exp((h[i].time + shift - time) * rate_minus) * a_minus * share(w / w_max, mu_minus)
                if not w > 0.0:
                    w = 0.0
            weight[k] = w

    cdef double shift_of(self, int source, int64_t k) noexcept nogil:
        """Return how late a synapse sees spikes of its target: the delay itself, without the rounding of an arrival."""
        if not self.dendritic:
            return 0.0
        if self.synapses.delay_kind == SYNAPTIC:
            return self.synapses.delay_at(k)
        return self.synapses.axonal[source] if self.synapses.axonal != NULL else self.synapses.one_delay

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int64_t row = source
        cdef bint own = self.synapses.delay_kind == SYNAPTIC
        cdef double shift = self.shift_of(source, first)
        cdef int unit
        if self.dendritic:
            time = emitted
        if self.saving:
            self.keep(first, group.n)
        if self.plain and not own and group.target != NULL:
            self.pass_pairs(row, shift, time, self.weight + first, group.target, group.n)
            self.note(row, time)
            return 0
        for k in range(group.n):
            unit = group.target[k] if group.target != NULL else <int> k
            if own:
                row = first + k
            self.arrive(first + k, row, unit, shift, time)
            if own:
                self.note(row, time)
        if not own:
            self.note(row, time)
        return 0

    cdef int on_post(self, double time, int unit) except -1 nogil:
        """See a spike of a target."""
        cdef int n = self.count[unit]
        cdef Post *h
        cdef double since
        if n == self.history.shape[1]:
            with gil:
                self.make_room(unit)
            n = self.count[unit]
        h = &self.history[unit, 0]
        h[n].time = time
        h[n].minus = 1.0
        h[n].slow = 0.0
        if n > 0:
            since = h[n - 1].time - time
            if not self.nearest:
                h[n].minus += h[n - 1].minus * exp(since * self.rate_minus)
            if self.a_plus_triplet != 0.0:
                h[n].slow = (h[n - 1].slow + 1.0) * exp(since * self.rate_minus_triplet)
        self.count[unit] = n + 1
        return 0

    cdef int settle(self) except -1:
        """Let all synapses follow the targets' spikes that no spike under way can come before, and forget these spikes."""
        cdef int64_t k, row
        cdef int source, unit, n, gone
        cdef double until, shift
        cdef Synapses s = self.synapses
        cdef bint own = s.delay_kind == SYNAPTIC
        cdef double now = self.clock()
        if self.saving and len(self.saved) == 1:
            self.keep_all()
        until = np.nextafter(now - s.max_delay if self.dendritic else now, -np.inf)
        cdef double most = s.max_delay if self.dendritic else 0.0
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                row = k if own else source
                if own or k == s.first(source):
                    shift = self.shift_of(source, k)
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                self.advance(k, row, unit, shift, until)
                if own and until > self.done[row]:
                    self.done[row] = until
            if not own and until > self.done[source]:
                self.done[source] = until
        for unit in range(s.post.n):
            n = self.count[unit]
            gone = 0
            while gone + 1 < n and self.history[unit, gone + 1].time + most <= until:
                gone += 1
            if gone:
                for k in range(gone, n):
                    self.history[unit, k - gone] = self.history[unit, k]
                self.count[unit] = n - gone
        return 0

    cdef int make_room(self, int unit) except -1:
        """Make room for one more spike of a target."""
        if not self.saving:  # what is forgotten could not be taken back
            self.settle()
        history = self.arrays["history"]
        if self.count[unit] > history.shape[1] // 2:
            self.view(np.concatenate([history, np.zeros_like(history)], axis=1))
        return 0

    cdef int keep(self, int64_t first, Py_ssize_t n) except -1 nogil:
        """Remember the weights of a group, and the traces of its rows if these are of synapses."""
        cdef bint own = self.synapses.delay_kind == SYNAPTIC
        cdef double *to
        if self.n_undo + 5 * n > self.undo_capacity:
            self.undo_capacity = 2 * self.undo_capacity + 5 * n
            self.undo = <double *> resized(self.undo, self.undo_capacity, sizeof(double), b"weights before")
        if self.n_blocks == self.block_capacity:
            self.block_capacity = 2 * self.block_capacity + 64
            self.block = <int64_t *> resized(self.block, 2 * self.block_capacity, sizeof(int64_t), b"weights before")
        self.block[2 * self.n_blocks], self.block[2 * self.n_blocks + 1] = first, n
        self.n_blocks += 1
        to = self.undo + self.n_undo
        memcpy(to, self.weight + first, n * sizeof(double))
        if own:
            memcpy(to + n, &self.plus[first], n * sizeof(double))
            memcpy(to + 2 * n, &self.slow[first], n * sizeof(double))
            memcpy(to + 3 * n, &self.last[first], n * sizeof(double))
            memcpy(to + 4 * n, &self.done[first], n * sizeof(double))
        self.n_undo += n * (5 if own else 1)
        return 0

    cdef int keep_all(self) except -1:
        """Remember everything as it is now."""
        names = ("plus", "slow", "last", "done", "count", "history")
        self.saved = (*self.saved, {name: self.arrays[name].copy() for name in names},
                      self.synapses.arrays["weight"].copy(), self.n_blocks, self.n_undo)
        return 0

    cdef int save(self) except -1:
        rows = () if self.synapses.delay_kind == SYNAPTIC else ("plus", "slow", "last", "done")
        self.saved = ({name: self.arrays[name].copy() for name in (*rows, "count")},)
        self.saving = True
        self.n_undo = self.n_blocks = 0
        return 0

    cdef int rollback(self) except -1:
        cdef Py_ssize_t n, rows = 5 if self.synapses.delay_kind == SYNAPTIC else 1
        cdef int64_t first
        cdef double *back
        if len(self.saved) > 1:  # it was read: back to that moment first
            arrays, weight, self.n_blocks, self.n_undo = self.saved[1:]
            self.synapses.arrays["weight"][:] = weight
            history = arrays.pop("history")
            for name, array in arrays.items():
                self.arrays[name][:] = array
            self.view(history)
        while self.n_blocks > 0:  # the latest first, as a synapse may have changed twice
            self.n_blocks -= 1
            first, n = self.block[2 * self.n_blocks], self.block[2 * self.n_blocks + 1]
            self.n_undo -= n * rows
            back = self.undo + self.n_undo
            memcpy(self.weight + first, back, n * sizeof(double))
            if rows == 5:
                memcpy(&self.plus[first], back + n, n * sizeof(double))
                memcpy(&self.slow[first], back + 2 * n, n * sizeof(double))
                memcpy(&self.last[first], back + 3 * n, n * sizeof(double))
                memcpy(&self.done[first], back + 4 * n, n * sizeof(double))
        for name, array in self.saved[0].items():
            self.arrays[name][:] = array
        self.saving = False
        self.saved = None
        return 0

    def __dealloc__(self):
        free(self.undo)
        free(self.block)

    def snapshot(self):
        """Return weights, traces, and the spikes of targets that may act still."""
        self.settle()
        state = {name: array.copy() for name, array in self.arrays.items()}
        return state | {"weight": self.synapses.arrays["weight"].copy()}

    def check_state(self, state, time=None):
        """Return the arrays of a state, or raise ValueError if they cannot be; nothing changes."""
        of = self.synapses.name
        like = dict(self.arrays, weight=self.synapses.arrays["weight"])
        history = like.pop("history")
        late = np.inf if time is None else float(np.nextafter(time, np.inf))
        bounds = {"plus": (0.0, LATEST), "slow": (0.0, LATEST), "last": (-np.inf, late), "done": (-np.inf, late),
                  "weight": (self.lowest, float(np.nextafter(self.highest, np.inf)))}
        bounds["base"] = bounds["weight"]   # of a subclass
        found = state_arrays(state, like, bounds, of=of)
        found["history"] = checked_history(state, found["count"], len(history), of)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.synapses.arrays["weight"][:] = state.pop("weight")
        history = state.pop("history")
        for name, array in state.items():
            self.arrays[name][:] = array
        self.view(np.ascontiguousarray(history))


cdef class InhibitoryPairs(SpikePairs):
    """Pairs of either order make an inhibitory weight, which is negative, stronger; each spike of its source makes it weaker.

    Parameters
    ----------
    synapses, engine : as of `SpikePairs`.
    rule : object
        As of `SpikePairs`; a_plus is the step, a_minus what a spike of the source takes.
    """

    def __init__(self, Synapses synapses not None, Engine engine, rule):
        super().__init__(synapses, engine, rule)
        self.plain = False
        self.lowest, self.highest = -self.w_max, 0.0

    cdef double follow(self, double w, int64_t row, int unit, double shift, double until) noexcept nogil:
        cdef Post *h = &self.history[unit, 0]
        cdef int n = self.count[unit], k = n
        cdef double at
        while k > 0 and h[k - 1].time + shift > self.done[row]:
            k -= 1
        while k < n:
            at = h[k].time + shift
            if at > until:
                break
            w -= self.a_plus * self.plus[row] * exp((self.last[row] - at) * self.rate_plus)
            if w < self.lowest:
                w = self.lowest
            k += 1
        return w

    cdef double depressed(self, double w, int64_t row, int unit, double shift, double time) noexcept nogil:
        cdef Post *h = &self.history[unit, 0]
        cdef int k = self.count[unit] - 1
        while k >= 0 and h[k].time + shift >= time:
            k -= 1
        if k >= 0:
            w -= self.a_plus * h[k].minus * exp((h[k].time + shift - time) * self.rate_minus)
            if w < self.lowest:
                w = self.lowest
        w += self.a_minus
        return w if w < 0.0 else 0.0
