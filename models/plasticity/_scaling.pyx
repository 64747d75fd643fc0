# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""All weights of a target grow while it fires too little, and fall while it fires too much.

The logarithm of the factor follows from how many spikes a target has had and from the trace they left, so a weight is
its first value times one exponential, whenever it is asked for; nothing is summed up. A few last spikes of each target are
kept, as a synapse sees them late.
"""

from libc.math cimport exp
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.population cimport SynapseGroup
from eventsim.models.plasticity._histories import checked_history
from eventsim.states import LATEST, state_arrays
from eventsim.synapses cimport SYNAPTIC, ArrivalObserver, Synapses

cdef class Scaling(ArrivalObserver):
    """The synaptic scaling of one projection.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine, optional
        None on the windows schedule.
    rule : SynapticScaling
    """

    def __init__(self, Synapses synapses not None, Engine engine, rule):
        super().__init__(engine)
        self.synapses = synapses
        self.weight = synapses.own_weights()
        self.rate, self.per_tau, self.goal = rule.learning_rate, 1.0 / rule.tau, rule.target_rate
        self.dendritic = rule.delay == "dendritic"
        self.arrays = {"base": synapses.arrays["weight"].copy(), "count": np.zeros(synapses.post.n, np.int32)}
        self.view(np.zeros((synapses.post.n, 8, 3)))

    cdef int view(self, history) except -1:
        """Look at the arrays, and at a history of shape (n_post, capacity, 3)."""
        self.arrays["history"] = history
        self.base, self.count = self.arrays["base"], self.arrays["count"]
        self.history = history.view([("time", "f8"), ("count", "f8"), ("trace", "f8")])[:, :, 0]
        return 0

    cdef double exponent(self, int unit, double time) noexcept nogil:
        """Return the logarithm of the factor of a target's weights at a time; spikes at that time make no difference."""
        cdef const Fired *h = &self.history[unit, 0]
        cdef int k = self.count[unit] - 1
        cdef double more
        if time <= 0.0:
            return 0.0
        while k >= 0 and h[k].time > time:
            k -= 1
        more = self.goal * time
        if k >= 0:
            more -= h[k].count - h[k].trace * exp((h[k].time - time) * self.per_tau)
        return self.rate * more

    cdef inline double scaled(self, int64_t k, int unit, double time) noexcept nogil:
        """Return the weight of a synapse at a time."""
        cdef double w = self.base[k]
        if w > 0.0:
            return w * exp(self.exponent(unit, time))
        return w * exp(-self.exponent(unit, time)) if w < 0.0 else w

    cdef double shift(self, int source, int64_t first) noexcept nogil:
        """Return how long before an arrival the spikes of the target must be to be seen."""
        if not self.dendritic:
            return 0.0
        if self.synapses.delay_kind == SYNAPTIC:
            return 2.0 * self.synapses.delay_at(first)
        return 2.0 * (self.synapses.axonal[source] if self.synapses.axonal != NULL else self.synapses.one_delay)

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef double at = time - self.shift(source, first)
        cdef Py_ssize_t k
        if self.led:
            return 0
        for k in range(group.n):
            self.weight[first + k] = self.scaled(first + k, group.target[k] if group.target != NULL else <int> k, at)
            if not self.weight[first + k] - self.weight[first + k] == 0.0:
                self.fail(first + k, time)
        return 0

    cdef int fail(self, int64_t k, double time) except -1 with gil:
        raise OverflowError(
            f"synaptic scaling made the weight of synapse {k} of {self.synapses.name!r} {self.weight[k]!r} before {time!r}: "
            "its target cannot come to its target_rate")

    cdef int on_post(self, double time, int unit) except -1 nogil:
        cdef Fired *h
        cdef int n
        if self.count[unit] == self.history.shape[1]:
            with gil:
                self.make_room()
        n = self.count[unit]
        h = &self.history[unit, 0]
        h[n].time, h[n].count, h[n].trace = time, 1.0, 1.0
        if n > 0:
            h[n].count += h[n - 1].count
            h[n].trace += h[n - 1].trace * exp((h[n - 1].time - time) * self.per_tau)
        self.count[unit] = n + 1
        return 0

    cdef int forget(self, int unit, double time) noexcept nogil:
        """Forget the spikes of a target before a time."""
        cdef int k, n = self.count[unit], gone = 0
        while gone < n and self.history[unit, gone].time < time:
            gone += 1
        for k in range(gone, n):
            self.history[unit, k - gone] = self.history[unit, k]
        self.count[unit] = n - gone
        return 0

    cdef int make_room(self) except -1:
        """Forget spikes before which no synapse looks any more, and make room if that does not."""
        cdef double until = self.clock() - (2.0 * self.synapses.max_delay if self.dendritic else 0.0)
        cdef int unit, k, most = 0
        for unit in range(self.synapses.post.n):
            k = self.count[unit] - 1
            while k > 0 and not self.history[unit, k].time < until:
                k -= 1
            if k > 0 and not self.led:     # who leads says what is needed no more
                self.forget(unit, self.history[unit, k].time)
            most = max(most, self.count[unit])
        history = self.arrays["history"]
        if most > history.shape[1] // 2:
            self.view(np.concatenate([history, np.zeros_like(history)], axis=1))
        return 0

    cdef int settle(self) except -1:
        """Let each weight be what a spike that arrives now would meet."""
        cdef Synapses s = self.synapses
        cdef int64_t k
        cdef int source
        cdef double now = self.clock()
        if self.led:
            return 0
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                self.weight[k] = self.scaled(
                    k, s.target[k] if s.target != NULL else <int> (k - s.first(source)), now - self.shift(source, k))
        return 0

    cdef int on_new_weights(self) except -1:
        cdef Synapses s = self.synapses
        cdef int64_t k
        cdef int source, unit
        cdef double now = self.clock(), exponent
        if self.led:
            return 0
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                exponent = self.exponent(unit, now - self.shift(source, k))
                self.base[k] = self.weight[k] * exp(-exponent if self.weight[k] > 0.0 else exponent)
        return 0

    cdef int save(self) except -1:
        self.saved = self.arrays["count"].copy(), self.arrays["history"].copy()
        return 0

    cdef int rollback(self) except -1:
        self.arrays["count"][:] = self.saved[0]
        self.view(self.saved[1])
        self.saved = None
        return 0

    def snapshot(self):
        """Return weights, and the spikes of targets that synapses may look back at."""
        self.settle()
        state = {name: array.copy() for name, array in self.arrays.items()}
        return state | {"weight": self.synapses.arrays["weight"].copy()}

    def check_state(self, state, time=None):
        """Return the arrays of a state, or raise ValueError if they cannot be; nothing changes."""
        of = self.synapses.name
        like = dict(self.arrays, weight=self.synapses.arrays["weight"])
        n = len(like.pop("history"))
        finite = (-LATEST, LATEST)
        found = state_arrays(state, like, {"base": finite, "weight": finite}, of=of)
        found["history"] = checked_history(state, found["count"], n, of)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.synapses.arrays["weight"][:] = state.pop("weight")
        history = state.pop("history")
        for name, array in state.items():
            self.arrays[name][:] = array
        self.view(np.ascontiguousarray(history))
