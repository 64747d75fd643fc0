# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rates from outside, and the rates that spikes make."""

from libc.math cimport log
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from eventsim.errors import EventOrderError

from eventsim.engine cimport Engine, Event
from eventsim.rates.ticks cimport Continuous


cdef class RateInputPopulation(Continuous):
    """Units that show what drives them."""

    def __init__(self, context):
        super().__init__(context, (), {"rate": np.zeros((context.batch, context.n), context.dtype)})
        self.is_source = True

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef bint changed = False
        cdef void *row
        if self.input_signal is None:
            return 0
        row = self.input_signal.at(k, time, &changed)
        if changed:
            memcpy(self.rate, row, self.total * (8 if self.is_float64 else 4))
        return 0


cdef class SpikeTracePopulation(Continuous):
    """Units whose rate is the current that spikes cause."""

    def __init__(self, context, double tau_syn):
        super().__init__(context, ("input",), {"rate": np.zeros((context.batch, context.n), context.dtype)}, tau_syn)

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        memcpy(self.rate, self.receptor[0], self.total * (8 if self.is_float64 else 4))
        return 0


cdef enum:
    MOST_IN_TICK = 1 << 20      # spikes of a unit


cdef double interval(uint64_t key, uint64_t count) noexcept nogil:
    """Return interval `count` of a Poisson process with mean 1: splitmix64 of a counter."""
    cdef uint64_t h = key + (count + 1) * <uint64_t> 0x9E3779B97F4A7C15
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    h = h ^ (h >> 31)
    return -log((<double> (h >> 11) + 0.5) * 1.1102230246251565e-16)


cdef class RateSpikesPopulation(Continuous):
    """Units that spike as a Poisson process with the rate that arrives, held during a tick.

    The rate is integrated until it reaches the next of a row of exponential intervals (time
    rescaling), so spikes come at their own times within a tick.
    """

    cdef double per_unit_time               # spikes per unit of time for a rate of 1
    cdef double[::1] left                   # until the next spike, in units of the integrated rate
    cdef uint64_t[::1] count, keys

    def __init__(self, context, double scale, keys):
        if context.batch > 1:
            raise ValueError(f"{context.name!r} emits spikes, which have no samples; it needs batch=1, not {context.batch}")
        left, count = np.empty(context.n), np.ones(context.n, np.uint64)
        super().__init__(context, ("input",), {"rate": np.zeros((1, context.n), context.dtype)}, 0.0,
                         {"left": left, "count": count})
        self.per_unit_time = scale
        self.left, self.count, self.keys = left, count, np.ascontiguousarray(keys, np.uint64)
        cdef int unit
        for unit in range(context.n):
            self.left[unit] = interval(self.keys[unit], 0)

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef int unit
        cdef double rate, at
        memcpy(self.rate, self.receptor[0], self.total * (8 if self.is_float64 else 4))
        for unit in range(self.n):
            rate = (<double *> self.rate)[unit] if self.is_float64 else (<float *> self.rate)[unit]
            rate *= self.per_unit_time
            if not rate > 0.0:
                continue
            if rate * self.dt > MOST_IN_TICK:
                self.fail(unit, rate, time)
            at = self.left[unit] / rate
            while at < self.dt:
                engine.push(time + at, self.id, unit, 0.0, 0)
                at += interval(self.keys[unit], self.count[unit]) / rate
                self.count[unit] += 1
            self.left[unit] = (at - self.dt) * rate
        return 0

    cdef int fail(self, int unit, double rate, double time) except -1 with gil:
        raise EventOrderError(
            f"unit {unit} of {self.name!r} would spike {rate * self.dt:.3g} times in the tick at {time:g}, more than "
            f"{MOST_IN_TICK}: its rate is far too large, or in another unit")

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these units cannot have it; nothing changes."""
        found = Continuous.check_state(self, state, time)
        if (found["left"] < 0).any():
            raise ValueError(f"'left' in the state of {self.name} must not be negative, got {float(found['left'].min())!r}")
        return found

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return self.emit(engine, event.time, event.unit)
