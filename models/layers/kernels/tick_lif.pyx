# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The population of `TickLIF`: spiking units on ticks, whose spikes are events."""

from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine, Event
from eventsim.rates.ticks cimport Continuous


cdef class TickLIFPopulation(Continuous):
    """Units that are stepped by ticks, v <- alpha v + input + constant_input - threshold s, and send spikes.

    Parameters
    ----------
    context : BuildContext
    alpha, threshold, constant_input : ndarray, shape (n,), float64
    start : int
        The first tick that counts; the units are at rest before.
    """

    cdef double[::1] alpha, threshold, constant_input, v, s
    cdef int64_t start

    def __init__(self, context, alpha, threshold, constant_input, int64_t start):
        if context.batch > 1:
            raise ValueError(f"{context.name!r} emits spikes, which have no samples; it needs batch=1, not {context.batch}")
        v, s = np.zeros(context.n), np.zeros(context.n)
        arrays = {name: np.zeros((1, context.n), context.dtype) for name in ("rate", "v")}
        super().__init__(context, ("input",), arrays, 0.0, {"membrane": v, "spiking": s})
        self.alpha, self.threshold, self.constant_input, self.v, self.s = alpha, threshold, constant_input, v, s
        self.start = start

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef int unit
        cdef double x, v
        if k < self.start:
            return 0
        for unit in range(self.n):
            x = (<double *> self.receptor[0])[unit] if self.is_float64 else (<float *> self.receptor[0])[unit]
            v = self.alpha[unit] * self.v[unit] + (x + self.constant_input[unit])
            if self.s[unit] != 0.0:
                v -= self.threshold[unit]
            self.v[unit] = v
            self.s[unit] = 1.0 if v > self.threshold[unit] else 0.0
            if self.is_float64:
                (<double *> self.rate)[unit] = self.s[unit]
                (<double *> self.shown[1])[unit] = v
            else:
                (<float *> self.rate)[unit] = <float> self.s[unit]
                (<float *> self.shown[1])[unit] = <float> v
            if self.s[unit] != 0.0:
                engine.push(time, self.id, unit, 0.0, 0)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return self.emit(engine, event.time, event.unit)
