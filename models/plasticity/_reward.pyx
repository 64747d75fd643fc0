# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pairs of spikes mark their synapses, and dopamine turns the marks into changes of weights.

Spikes of the targets and rewards are kept. When a spike of the source comes, each synapse follows those that it has seen since,
in their order, then the new one; its weight is known in closed form from one to the next. Reading a weight follows what has
been seen for good, as it will be followed in any case, and takes the rest of the way without keeping it, so it changes no bit.

Synapses of a source that saw no spike of their targets since its last one go the same way: the factors of that way are
computed once for all of them. A synapse has no clock of its own: its last event is the latest of what is kept.
"""

cimport cython
from libc.math cimport exp, nextafter
from libc.stdint cimport int32_t, int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.plasticity._spike_pairs cimport Post, SpikePairs
from eventsim.population cimport SynapseGroup
from eventsim.states import state_array
from eventsim.synapses cimport SYNAPTIC, Synapses


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


cdef struct Reward:
    double time
    double before, after        # concentration of dopamine


cdef struct Leg:
    double decay        # of the mark
    double gain         # change of the weight for a mark of 1 at its begin


@cython.final       # so that what a visit calls is compiled into it
cdef class RewardPairs(SpikePairs):
    """The reward-modulated plasticity of one projection.

    Parameters
    ----------
    synapses, engine : as of `SpikePairs`.
    rule : object
        As of `SpikePairs`; and tau_eligibility, tau_dopamine, baseline, and `reward`, the name of a population.
    """

    cdef double rate_c, rate_n, tau_c, tau_both, jump, baseline
    cdef double[::1] mark, base         # (n,) eligibility and weight at the last event
    cdef double[::1] replaced           # (n_rows,) when weights were put there from outside
    cdef Reward[::1] rewards            # (capacity,) those that may act still, and the latest that has
    cdef Py_ssize_t n_rewards
    cdef Leg[::1] leg                   # (capacity + 1,) the way from one spike of a source to the next
    cdef object before                  # what a sweep began with that may be taken back

    def __init__(self, Synapses synapses not None, Engine engine, rule):
        super().__init__(synapses, engine, rule)
        self.plain = False
        self.modulator = rule.reward
        self.tau_c, self.baseline, self.jump = rule.tau_eligibility, rule.baseline, 1.0 / rule.tau_dopamine
        self.rate_c, self.rate_n = 1.0 / rule.tau_eligibility, 1.0 / rule.tau_dopamine
        self.tau_both = 1.0 / (self.rate_c + self.rate_n)
        self.arrays["mark"] = np.zeros(synapses.n)
        self.arrays["base"] = synapses.arrays["weight"].copy()
        self.arrays["replaced"] = np.full(len(self.arrays["last"]), -np.inf)
        self.mark, self.base, self.replaced = self.arrays["mark"], self.arrays["base"], self.arrays["replaced"]
        self.hold_rewards(np.empty((0, 3)), 64)

    cdef int hold_rewards(self, rewards, Py_ssize_t capacity) except -1:
        """Let these be the rewards, shape (n, 3), with room for some more."""
        kept = np.zeros((max(capacity, len(rewards)), 3))
        kept[:len(rewards)] = rewards
        self.rewards = kept.view([("time", "f8"), ("before", "f8"), ("after", "f8")])[:, 0]
        self.leg = np.zeros((len(kept) + 1, 2)).view([("decay", "f8"), ("gain", "f8")])[:, 0]
        self.n_rewards = len(rewards)
        return 0

    # The way from one event to the next --------------------------------------------------------------

    cdef Py_ssize_t rewards_before(self, double time) noexcept nogil:
        """Return how many of the rewards came before a time."""
        cdef Py_ssize_t low = 0, high = self.n_rewards, middle
        while low < high:
            middle = (low + high) // 2
            if self.rewards[middle].time < time:
                low = middle + 1
            else:
                high = middle
        return low

    cdef double dopamine(self, Py_ssize_t r, double time) noexcept nogil:
        """Return the concentration at a time, after the first `r` rewards."""
        if r == 0:
            return 0.0
        return self.rewards[r - 1].after * exp((self.rewards[r - 1].time - time) * self.rate_n)

    cdef void go(self, Leg *leg, double begin, double level, double end, double level_end) noexcept nogil:
        """Fill in the way between two times, at which the concentrations are known, without a reward on it."""
        leg.decay = exp((begin - end) * self.rate_c)
        leg.gain = self.tau_both * (level - level_end * leg.decay) - self.baseline * self.tau_c * (1.0 - leg.decay)

    cdef double within(self, double w) noexcept nogil:
        if not w > 0.0:
            return 0.0
        return w if w < self.w_max else self.w_max

    cdef void walk(self, int64_t k, const Leg *leg) noexcept nogil:
        self.base[k] = self.within(self.base[k] + self.mark[k] * leg.gain)
        self.mark[k] *= leg.decay

    cdef double last_event(self, int64_t row, int unit, double shift, Py_ssize_t r) noexcept nogil:
        """Return when something happened last to a synapse, which has seen everything before `done`, `r` rewards of it."""
        cdef double done = self.done[row], at = self.last[row]
        cdef const Post *h = &self.history[unit, 0]
        cdef int i = self.count[unit]
        if at == done:
            return at
        if self.replaced[row] > at:
            at = self.replaced[row]
        if r > 0 and self.rewards[r - 1].time > at:
            at = self.rewards[r - 1].time
        while i > 0 and h[i - 1].time + shift >= done:
            i -= 1
        if i > 0 and h[i - 1].time + shift > at:
            at = h[i - 1].time + shift
        return at

    cdef double see(self, int64_t k, int64_t row, int unit, double shift, double until) noexcept nogil:
        """Let a synapse follow spikes of its target and rewards in [done, until), and return when the last of them came."""
        cdef const Post *h = &self.history[unit, 0]
        cdef int n = self.count[unit], i = n
        cdef Py_ssize_t r = self.rewards_before(self.done[row])
        cdef double at = self.last_event(row, unit, shift, r), level = self.dopamine(r, at), spike, reward, trace
        cdef Leg leg
        while i > 0 and h[i - 1].time + shift >= self.done[row]:
            i -= 1
        while True:
            spike = h[i].time + shift if i < n else until
            reward = self.rewards[r].time if r < self.n_rewards else until
            if reward <= spike and reward < until:
                self.go(&leg, at, level, reward, self.rewards[r].before)
                self.walk(k, &leg)
                at, level = reward, self.rewards[r].after
                r += 1
            elif spike < until:
                trace = self.dopamine(r, spike)
                self.go(&leg, at, level, spike, trace)
                self.walk(k, &leg)
                at, level = spike, trace
                # What reaches the synapse together does not pair.
                trace = self.plus[row] - 1.0 if spike == self.last[row] else self.plus[row]
                self.mark[k] += self.a_plus * trace * exp((self.last[row] - spike) * self.rate_plus)
                i += 1
            else:
                return at

    cdef void visit(self, int64_t row, double shift, double time, int64_t first, const int32_t *target,
                    int unit, Py_ssize_t n) noexcept nogil:
        """Let the synapses of a row see a spike of their source; `target` lists units, or they are `unit` and the next."""
        cdef double done = self.done[row], begin = self.last[row], at, level, end
        cdef const Post *h
        cdef Py_ssize_t r = self.rewards_before(done), r_end = self.rewards_before(time), k, ahead
        cdef bint plain = done == begin     # nothing has been followed since the last spike
        cdef int i, n_legs = 0, leg
        cdef Leg last
        end = self.dopamine(r_end, time)
        if plain:
            at, level = begin, self.dopamine(r, begin)
            while r < r_end:
                self.go(&self.leg[n_legs], at, level, self.rewards[r].time, self.rewards[r].before)
                at, level = self.rewards[r].time, self.rewards[r].after
                n_legs += 1
                r += 1
            self.go(&self.leg[n_legs], at, level, time, end)
            n_legs += 1
        for k in range(n):
            ahead = k + AHEAD
            if target != NULL:
                unit = target[k]
                if ahead < n:
                    eventsim_soon(&self.history[target[ahead], 0] + self.count[target[ahead]] - 1)
            elif k > 0:
                unit += 1
            h = &self.history[unit, 0]
            i = self.count[unit] - 1
            while i >= 0 and h[i].time + shift >= time:
                i -= 1
            if plain and (i < 0 or h[i].time + shift < done):
                for leg in range(n_legs):
                    self.walk(first + k, &self.leg[leg])
            else:
                at = self.see(first + k, row, unit, shift, time)
                self.go(&last, at, self.dopamine(r_end, at), time, end)
                self.walk(first + k, &last)
            if i >= 0:
                self.mark[first + k] -= self.a_minus * h[i].minus * exp((h[i].time + shift - time) * self.rate_minus)
        self.note(row, time)

    # What the synapses see ---------------------------------------------------------------------------

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef int64_t k
        cdef double shift = self.shift_of(source, first)
        if self.dendritic:
            time = emitted
        if self.synapses.delay_kind != SYNAPTIC:
            self.visit(source, shift, time, first, group.target, 0, group.n)
        else:
            for k in range(group.n):
                self.visit(first + k, shift, time, first + k, NULL, group.target[k] if group.target != NULL else <int> k, 1)
        if group.n:
            group.w64 = &self.base[first]
        return 0

    cdef int on_modulator(self, double time, int unit) except -1 nogil:
        """Let a spike release dopamine, 1 / tau_dopamine of it, so that its integral is 1."""
        cdef double level
        if self.n_rewards == self.rewards.shape[0]:
            with gil:
                self.settle()
                if 2 * self.n_rewards > self.rewards.shape[0]:
                    self.hold_rewards(self.kept_rewards(), 2 * self.rewards.shape[0])
        level = self.dopamine(self.n_rewards, time)
        self.rewards[self.n_rewards] = Reward(time, level, level + self.jump)
        self.n_rewards += 1
        return 0

    def kept_rewards(self):
        """Return the rewards that are kept, shape (n, 3): times, and concentrations before and after."""
        return np.asarray(self.rewards).view(np.float64).reshape(-1, 3)[:self.n_rewards].copy()

    # Reading and changing weights --------------------------------------------------------------------

    cdef double settled(self, double now, double shift) noexcept nogil:
        """Return the time up to which a synapse sees no more than it has; two roundings less, as an arrival is rounded too."""
        return nextafter(nextafter(now, 0.0), 0.0) - shift if now > 0.0 else 0.0 - shift

    cdef int settle(self) except -1:
        """Follow what no spike under way can come before, forget it, and show what a spike that arrives now would act with."""
        return self.bring(False)

    cdef int on_new_weights(self) except -1:
        return self.bring(True)

    cdef int bring(self, bint replace) except -1:
        cdef Synapses s = self.synapses
        cdef bint own = s.delay_kind == SYNAPTIC
        cdef int source, unit, n, gone
        cdef int64_t k, row
        cdef Py_ssize_t r
        cdef double now = self.clock(), most = s.max_delay if self.dendritic else 0.0, shift = 0.0, until = 0.0, at
        cdef Leg leg
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                row = k if own else source
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                if own or k == s.first(source):
                    shift = self.shift_of(source, k)
                    until = self.settled(now, shift)
                    r = self.rewards_before(until)
                if until >= self.done[row]:
                    at = self.see(k, row, unit, shift, until)
                    self.go(&leg, at, self.dopamine(r, at), until, self.dopamine(r, until))
                    if replace:
                        self.mark[k] *= leg.decay
                    else:
                        self.weight[k] = self.within(self.base[k] + self.mark[k] * leg.gain)
                elif not replace:
                    self.weight[k] = self.base[k]
                if replace:
                    self.base[k] = self.weight[k]
                if own or k + 1 == s.first(source + 1):
                    if until >= self.done[row]:
                        self.done[row] = until
                        if replace:
                            self.replaced[row] = until
        until = self.settled(now, most)
        for unit in range(s.post.n):
            n = self.count[unit]
            gone = 0
            while gone + 1 < n and self.history[unit, gone + 1].time + most < until:
                gone += 1
            if gone:
                for k in range(gone, n):
                    self.history[unit, k - gone] = self.history[unit, k]
                self.count[unit] = n - gone
        gone = 0
        while gone + 1 < self.n_rewards and self.rewards[gone + 1].time < until:
            gone += 1
        if gone:
            for r in range(gone, self.n_rewards):
                self.rewards[r - gone] = self.rewards[r]
            self.n_rewards -= gone
        return 0

    # States ------------------------------------------------------------------------------------------

    cdef int save(self) except -1:
        arrays = {name: array.copy() for name, array in self.arrays.items()}
        self.before = arrays, self.kept_rewards(), self.synapses.arrays["weight"].copy()
        return 0

    cdef int rollback(self) except -1:
        arrays, rewards, weight = self.before
        self.synapses.arrays["weight"][:] = weight
        self.view(arrays.pop("history"))
        self.hold_rewards(rewards, self.rewards.shape[0])
        for name, array in arrays.items():
            self.arrays[name][:] = array
        self.before = None
        return 0

    def snapshot(self):
        """Return weights, marks, traces, and the spikes of targets and rewards that may act still."""
        return super().snapshot() | {"rewards": self.kept_rewards()}

    def check_state(self, state, time=None):
        """Return the arrays of a state, or raise ValueError if they cannot be; nothing changes."""
        found = super().check_state(state, time)
        n = len(np.atleast_1d(np.asarray(state.get("rewards"))))
        rewards = state_array(state, "rewards", float, (n, 3), 0.0, np.inf, of=self.synapses.name)
        late = np.inf if time is None else float(np.nextafter(time, np.inf))
        if not ((np.diff(rewards[:, 0]) >= 0.0).all() and (rewards[:, 0] < late).all()):
            raise ValueError(f"'rewards' in the state of {self.synapses.name} must be in the order of time, and not to come")
        return found | {"rewards": rewards}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.hold_rewards(state.pop("rewards"), 64)
        self.synapses.arrays["weight"][:] = state.pop("weight")
        self.view(np.ascontiguousarray(state.pop("history")))
        for name, array in state.items():
            self.arrays[name][:] = array
