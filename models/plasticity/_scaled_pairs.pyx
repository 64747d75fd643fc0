# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pairs and triplets of spikes beside synaptic scaling, on the same weights.

The weight of a synapse is kept as it was at its last event, a spike of its source or target, with the logarithm of the
scaling's factor at that time. From event to event it is multiplied by the ratio of the factors and kept within its bounds.
Between two spikes of a target this logarithm is convex in time, so the largest weight is at one of its ends, and a bound
that holds there holds in between: the result is that of the equations with bounds, not of a rule that looks now and then.
"""

from libc.math cimport exp
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.plasticity._scaling cimport Scaling
from eventsim.models.plasticity._spike_pairs cimport Post, SpikePairs
from eventsim.synapses cimport SYNAPTIC, Synapses


cdef class ScaledPairs(SpikePairs):
    """The plasticity of one projection.

    Parameters
    ----------
    synapses, engine, rule : as of `SpikePairs`.
    scaling : Scaling
        Of the same synapses, with delays of the same kind; it gives its weights up.
    """

    cdef Scaling scaling
    cdef double *shown                  # (n,) the weights that arrive, and are read
    cdef double[::1] base, level        # (n,) weight at the last event; logarithm of its target's factor then
    cdef double until                   # synapses' time up to which they are shown
    cdef object before                  # what a sweep began with that may be taken back

    def __init__(self, Synapses synapses not None, Engine engine, rule, Scaling scaling not None):
        super().__init__(synapses, engine, rule)
        self.plain = False
        self.scaling = scaling
        scaling.led = True
        self.arrays["base"] = synapses.arrays["weight"].copy()
        self.arrays["level"] = np.zeros(synapses.n)
        self.base, self.level = self.arrays["base"], self.arrays["level"]
        self.shown = self.weight
        self.weight = &self.base[0] if synapses.n else NULL

    cdef double scaled(self, int64_t k, int unit, double time) noexcept nogil:
        """Return the weight of a synapse at a time of its target, if nothing happened since its last event."""
        cdef double w = self.base[k]
        if w > 0.0:
            w *= exp(self.scaling.exponent(unit, time) - self.level[k])
            if not w <= self.w_max:
                w = self.w_max
        return w

    cdef void move(self, int64_t k, int unit, double time) noexcept nogil:
        """Let an event of a synapse come at a time of its target."""
        self.base[k] = self.scaled(k, unit, time)
        self.level[k] = self.scaling.exponent(unit, time)

    cdef void advance(self, int64_t k, int64_t row, int unit, double shift, double until) noexcept nogil:
        cdef Post *h = &self.history[unit, 0]
        cdef int n = self.count[unit], i = n
        while i > 0 and h[i - 1].time + shift > self.done[row]:
            i -= 1
        while i < n and h[i].time + shift <= until:
            self.move(k, unit, h[i].time)
            self.base[k] = self.potentiated(self.base[k], row, &h[i], h[i].time + shift)
            i += 1

    cdef void arrive(self, int64_t k, int64_t row, int unit, double shift, double time) noexcept nogil:
        self.advance(k, row, unit, shift, time)
        self.move(k, unit, time - shift)
        self.base[k] = self.depressed(self.base[k], row, unit, shift, time)
        self.shown[k] = self.base[k]

    cdef double seen(self, int source, int64_t k) noexcept nogil:
        """Return up to which time of its target a synapse is shown: that of its last spike, or of what no spike can precede."""
        cdef int64_t row = k if self.synapses.delay_kind == SYNAPTIC else source
        cdef double until = self.until if self.until > self.last[row] else self.last[row]
        return until - self.shift_of(source, k)

    cdef int settle(self) except -1:
        cdef Synapses s = self.synapses
        cdef int64_t k
        cdef int source, unit
        SpikePairs.settle(self)
        self.until = self.clock() - (s.max_delay if self.dendritic else 0.0)
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                self.shown[k] = self.scaled(k, unit, self.seen(source, k))
        for unit in range(s.post.n):
            if self.count[unit]:
                self.scaling.forget(unit, self.history[unit, 0].time)
        return 0

    cdef int on_new_weights(self) except -1:
        """Go on from other weights; what was pending has been settled."""
        cdef Synapses s = self.synapses
        cdef int64_t k
        cdef int source, unit
        self.until = self.clock() - (s.max_delay if self.dendritic else 0.0)
        for source in range(s.pre.n):
            for k in range(s.first(source), s.first(source + 1)):
                unit = s.target[k] if s.target != NULL else <int> (k - s.first(source))
                self.base[k] = self.shown[k]
                self.level[k] = self.scaling.exponent(unit, self.seen(source, k))
        return 0

    cdef int save(self) except -1:
        arrays = {name: array.copy() for name, array in self.arrays.items()}
        self.before = arrays, self.synapses.arrays["weight"].copy()
        return 0

    cdef int rollback(self) except -1:
        arrays, weight = self.before
        self.synapses.arrays["weight"][:] = weight
        self.view(arrays.pop("history"))
        for name, array in arrays.items():
            self.arrays[name][:] = array
        self.before = None
        return 0
