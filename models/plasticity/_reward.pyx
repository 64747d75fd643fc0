# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pairs of spikes mark their synapses, and dopamine turns the marks into changes of weights.

A synapse is brought up to date at each spike of its source or target, and all are at each spike that releases dopamine; in
between its weight follows in closed form. Reading it commits nothing, so that it changes no bit.
"""

from libc.math cimport INFINITY, exp, expm1, fmax, fmin
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.plasticity.spike_rule cimport SpikeRule
from eventsim.population cimport SpikeSink, SynapseGroup
from eventsim.synapses cimport Synapses


cdef class RewardPairs(SpikeRule):
    """The reward-modulated plasticity of one projection, on the ordered schedule.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine
    rule : RewardSTDP
    """

    cdef double a_plus, a_minus, rate_plus, rate_minus, tau_c, tau_n, tau_both, baseline, w_max
    cdef double[::1] x, x_last          # (n_rows,) traces of sources, and when they were taken
    cdef double[::1] y, y_last          # (n_post,) of targets
    cdef double[::1] mark, base, since  # (n,) eligibility and weight at the time `since`
    cdef double[::1] dopamine           # (2,) concentration, and when
    cdef const int64_t[::1] source, by_target, start

    def __init__(self, Synapses synapses not None, Engine engine not None, rule):
        super().__init__(synapses, engine)
        self.a_plus, self.a_minus, self.baseline, self.w_max = rule.a_plus, rule.a_minus, rule.baseline, rule.w_max
        self.rate_plus, self.rate_minus = 1.0 / rule.tau_plus, 1.0 / rule.tau_minus
        self.tau_c, self.tau_n = rule.tau_eligibility, rule.tau_dopamine
        self.tau_both = 1.0 / (1.0 / self.tau_c + 1.0 / self.tau_n)
        self.source, post, *_ = synapses.edges()
        self.by_target = np.argsort(post, kind="stable").astype(np.int64)
        self.start = np.searchsorted(np.sort(post), np.arange(synapses.post.n + 1)).astype(np.int64)
        self.x = self.array("x", self.n_rows, low=0.0)
        self.x_last = self.array("x_last", self.n_rows, -np.inf, high="now")
        self.y = self.array("y", synapses.post.n, low=0.0)
        self.y_last = self.array("y_last", synapses.post.n, -np.inf, high="now")
        self.mark = self.array("mark", synapses.n)
        self.base = self.array("base", synapses.n, low=0.0, high=float(np.nextafter(self.w_max, np.inf)))
        self.since = self.array("since", synapses.n, low=0.0, high="now")
        self.dopamine = self.array("dopamine", 2, low=0.0)
        self.arrays["base"][:] = synapses.arrays["weight"]

    cdef double weight_at(self, int64_t k, double time) noexcept nogil:
        """Return the weight of a synapse at a time before which nothing has happened to it."""
        cdef double age = time - self.since[k], level, change
        if age <= 0.0 or self.mark[k] == 0.0:
            return self.base[k]
        level = self.dopamine[0] * exp((self.dopamine[1] - self.since[k]) / self.tau_n)
        change = level * self.tau_both * -expm1(-age / self.tau_both)
        change -= self.baseline * self.tau_c * -expm1(-age / self.tau_c)
        return fmax(0.0, fmin(self.w_max, self.base[k] + self.mark[k] * change))

    cdef void advance(self, int64_t k, double time) noexcept nogil:
        """Bring a synapse to the present."""
        self.base[k] = self.weight_at(k, time)
        self.mark[k] *= exp((self.since[k] - time) / self.tau_c)
        self.since[k] = time

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef int64_t k
        cdef int unit
        cdef double trace
        for k in range(first, first + group.n):
            unit = group.target[k - first] if group.target != NULL else <int> (k - first)
            self.advance(k, time)
            self.weight[k] = self.base[k]
            # What reaches the synapse together does not pair.
            trace = self.y[unit] - 1.0 if self.y_last[unit] == time else self.y[unit]
            self.mark[k] -= self.a_minus * trace * exp((self.y_last[unit] - time) * self.rate_minus)
            if self.own_rows:
                self.jump(self.x, self.x_last, k, time, self.rate_plus)
        if not self.own_rows:
            self.jump(self.x, self.x_last, source, time, self.rate_plus)
        return 0

    cdef void jump(self, double[::1] values, double[::1] last, int64_t row, double time, double rate) noexcept nogil:
        values[row] = 1.0 + values[row] * exp((last[row] - time) * rate)
        last[row] = time

    cdef int on_post(self, double time, int unit) except -1 nogil:
        cdef int64_t i, k, row
        cdef double trace
        for i in range(self.start[unit], self.start[unit + 1]):
            k = self.by_target[i]
            row = k if self.own_rows else self.source[k]
            self.advance(k, time)
            trace = self.x[row] - 1.0 if self.x_last[row] == time else self.x[row]
            self.mark[k] += self.a_plus * trace * exp((self.x_last[row] - time) * self.rate_plus)
        self.jump(self.y, self.y_last, unit, time, self.rate_minus)
        return 0

    cdef int on_reward(self, double time) except -1 nogil:
        """Let a spike release dopamine, 1 / tau_dopamine of it, so that its integral is 1."""
        cdef int64_t k
        for k in range(self.synapses.n):
            self.advance(k, time)
        self.dopamine[0] = 1.0 / self.tau_n + self.dopamine[0] * exp((self.dopamine[1] - time) / self.tau_n)
        self.dopamine[1] = time
        return 0

    cdef int settle(self) except -1:
        cdef int64_t k
        cdef double now = self.clock()
        for k in range(self.synapses.n):
            self.weight[k] = self.weight_at(k, now)
        return 0

    cdef int on_new_weights(self) except -1:
        cdef int64_t k
        cdef double now = self.clock()
        for k in range(self.synapses.n):
            self.advance(k, now)
            self.base[k] = self.weight[k]
        return 0


cdef class RewardSpikes(SpikeSink):
    """Leads the spikes that release dopamine to the plasticity."""

    cdef RewardPairs pairs
    cdef readonly double min_delay

    def __init__(self, RewardPairs pairs not None):
        self.pairs = pairs
        self.min_delay = INFINITY   # it is called at the time of the spike, and schedules nothing

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        return self.pairs.on_reward(time)
