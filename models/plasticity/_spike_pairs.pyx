# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pairs and triplets of spikes: weights follow when a spike of the source reaches the synapse.

Spikes of the targets are kept with their traces. When a spike of the source comes, each synapse first follows the spikes of
its target that came since the last one, in their order, then the new one. A target's spike costs nothing but its entry, and
synapses are visited in the order in which they are stored. Every trace is decayed in closed form from its last spike.
"""

import weakref

from libc.math cimport INFINITY, exp, pow
from libc.stdint cimport int32_t, int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.population cimport SynapseGroup, SpikeSink
from eventsim.states import LATEST, state_array, state_arrays
from eventsim.synapses cimport SYNAPTIC, ArrivalObserver, Synapses


cdef struct Post:
    double time
    double minus        # trace of depression, after this spike
    double slow         # slow trace, before this spike


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
    engine : Engine
    rule : object
        With a_plus, a_minus, a_plus_triplet, a_minus_triplet, tau_plus, tau_minus, tau_plus_triplet,
        tau_minus_triplet, mu_plus, mu_minus, w_max; `nearest` and `dendritic` as bool.
    """

    cdef Synapses synapses
    cdef object engine
    cdef double *weight
    cdef double a_plus, a_minus, a_plus_triplet, a_minus_triplet, mu_plus, mu_minus, w_max
    cdef double rate_plus, rate_minus, rate_plus_triplet, rate_minus_triplet
    cdef bint nearest, dendritic
    cdef readonly dict arrays
    cdef double[::1] plus, slow         # (n_rows,) traces of the source after its last spike
    cdef double[::1] last, done         # (n_rows,) time of that spike; targets' spikes up to then have acted
    cdef Post[:, ::1] history           # (n_post, capacity) spikes of targets that may act still, or are the last to depress
    cdef int32_t[::1] count             # (n_post,)

    def __init__(self, Synapses synapses not None, Engine engine not None, rule):
        self.synapses = synapses
        self.engine = weakref.ref(engine)
        self.weight = synapses.own_weights()
        self.a_plus, self.a_minus, self.w_max = rule.a_plus, rule.a_minus, rule.w_max
        self.a_plus_triplet, self.a_minus_triplet = rule.a_plus_triplet, rule.a_minus_triplet
        self.mu_plus, self.mu_minus = rule.mu_plus, rule.mu_minus
        self.rate_plus, self.rate_minus = 1.0 / rule.tau_plus, 1.0 / rule.tau_minus
        self.rate_plus_triplet, self.rate_minus_triplet = 1.0 / rule.tau_plus_triplet, 1.0 / rule.tau_minus_triplet
        self.nearest, self.dendritic = rule.nearest, rule.dendritic
        n_rows = synapses.n if synapses.delay_kind == SYNAPTIC else synapses.pre.n
        self.arrays = {"plus": np.zeros(n_rows), "slow": np.zeros(n_rows), "last": np.full(n_rows, -np.inf),
                       "done": np.full(n_rows, -np.inf)}
        self.arrays["count"] = np.zeros(synapses.post.n, np.int32)
        self.view(np.zeros((synapses.post.n, 8, 3)))

    cdef int view(self, history) except -1:
        """Look at the arrays, and at a history of shape (n_post, capacity, 3)."""
        self.arrays["history"] = history
        self.plus, self.slow = self.arrays["plus"], self.arrays["slow"]
        self.last, self.done, self.count = self.arrays["last"], self.arrays["done"], self.arrays["count"]
        self.history = history.view([("time", "f8"), ("minus", "f8"), ("slow", "f8")])[:, :, 0]
        return 0

    cdef inline double follow(self, double w, int64_t row, int unit, double shift, double until) noexcept nogil:
        """Return the weight after the spikes of its target in (done, until], which reach the synapse `shift` late."""
        cdef Post *h = &self.history[unit, 0]
        cdef int n = self.count[unit], k = n
        cdef double at, factor
        while k > 0 and h[k - 1].time + shift > self.done[row]:
            k -= 1
        while k < n:
            at = h[k].time + shift
            if at > until:
                break
            factor = self.plus[row] * exp((self.last[row] - at) * self.rate_plus)
            factor *= self.a_plus + self.a_plus_triplet * h[k].slow
            w += factor * share(1.0 - w / self.w_max, self.mu_plus)
            if w > self.w_max:
                w = self.w_max
            k += 1
        return w

    cdef inline double depressed(self, double w, int64_t row, int unit, double shift, double time) noexcept nogil:
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

    cdef void note(self, int64_t row, double time) noexcept nogil:
        """Let the traces of a source take a spike."""
        cdef double since = self.last[row] - time
        self.plus[row] = 1.0 if self.nearest else 1.0 + self.plus[row] * exp(since * self.rate_plus)
        if self.a_minus_triplet != 0.0:
            self.slow[row] = 1.0 + self.slow[row] * exp(since * self.rate_plus_triplet)
        self.last[row] = time
        self.done[row] = time

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int64_t row = source
        cdef bint own = self.synapses.delay_kind == SYNAPTIC
        cdef double shift = 0.0, w
        cdef int unit
        if self.dendritic:
            shift = time - emitted
            if self.synapses.delay_kind != SYNAPTIC:  # the delay itself, without the rounding of the arrival
                shift = self.synapses.axonal[source] if self.synapses.axonal != NULL else self.synapses.one_delay
            else:
                shift = self.synapses.delay_at(first)
            time = emitted
        for k in range(group.n):
            unit = group.target[k] if group.target != NULL else <int> k
            if own:
                row = first + k
            w = self.follow(self.weight[first + k], row, unit, shift, time)
            self.weight[first + k] = self.depressed(w, row, unit, shift, time)
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
        now = self.engine().now
        until = np.nextafter(now - s.max_delay if self.dendritic else now, -np.inf)
        cdef double most = s.max_delay if self.dendritic else 0.0
        for source in range(s.pre.n):
            shift = 0.0
            if self.dendritic and not own:
                shift = s.axonal[source] if s.axonal != NULL else s.one_delay
            for k in range(s.first(source), s.first(source + 1)):
                row = k if own else source
                if own and self.dendritic:
                    shift = s.delay_at(k)
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                self.weight[k] = self.follow(self.weight[k], row, unit, shift, until)
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
        self.settle()
        history = self.arrays["history"]
        if self.count[unit] > history.shape[1] // 2:
            self.view(np.concatenate([history, np.zeros_like(history)], axis=1))
        return 0


cdef class TargetSpikes(SpikeSink):
    """Leads the spikes of the targets to the plasticity, whose state it keeps."""

    cdef SpikePairs pairs
    cdef readonly double min_delay

    def __init__(self, SpikePairs pairs not None):
        self.pairs = pairs
        self.min_delay = INFINITY   # it is called at the time of the spike, and schedules nothing

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        return self.pairs.on_post(time, unit)

    def unit_range(self):
        """Return that no event is for it."""
        return 0, 0

    def snapshot(self):
        """Return weights, traces, and the spikes of targets that may act still."""
        self.pairs.settle()
        state = {name: array.copy() for name, array in self.pairs.arrays.items()}
        return state | {"weight": self.pairs.synapses.arrays["weight"].copy()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if they cannot be; nothing changes."""
        cdef SpikePairs pairs = self.pairs
        of = pairs.synapses.name
        like = dict(pairs.arrays, weight=pairs.synapses.arrays["weight"])
        history = like.pop("history")
        late = np.inf if time is None else float(np.nextafter(time, np.inf))
        bounds = {"plus": (0.0, LATEST), "slow": (0.0, LATEST), "last": (-np.inf, late), "done": (-np.inf, late),
                  "weight": (0.0, float(np.nextafter(pairs.w_max, np.inf)))}
        found = state_arrays(state, like, bounds, of=of)
        theirs = np.shape(state.get("history"))
        if len(theirs) != 3 or (theirs[0], theirs[2]) != (len(history), 3):
            raise ValueError(f"'history' in the state of {of} must have shape ({len(history)}, capacity, 3), got {theirs}")
        found["history"] = state_array(state, "history", float, theirs, 0.0, np.inf, of=of)
        if not ((found["count"] >= 0) & (found["count"] <= theirs[1])).all():
            raise ValueError(f"'count' in the state of {of} must lie between 0 and {theirs[1]}")
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.pairs.synapses.arrays["weight"][:] = state.pop("weight")
        history = state.pop("history")
        for name, array in state.items():
            self.pairs.arrays[name][:] = array
        self.pairs.view(np.ascontiguousarray(history))
