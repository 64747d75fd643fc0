# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rates from outside, and the rates that spikes make."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy as np

from eventsim.engine cimport Engine
from eventsim.ticks cimport Continuous


cdef class RateInputPopulation(Continuous):
    """Units that show what drives them."""

    def __init__(self, site):
        super().__init__(site, (), {"rate": np.zeros((site.batch, site.n), site.dtype)})
        self.is_source = True

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef bint changed = False
        cdef void *row
        if self.driven is None:
            return 0
        row = self.driven.at(k, time, &changed)
        if changed:
            memcpy(self.rate, row, self.total * (8 if self.wide else 4))
        return 0


cdef class SpikeTracePopulation(Continuous):
    """Units whose rate is the current that spikes cause."""

    def __init__(self, site, double tau_syn):
        super().__init__(site, ("input",), {"rate": np.zeros((site.batch, site.n), site.dtype)}, tau_syn)

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        memcpy(self.rate, self.port[0], self.total * (8 if self.wide else 4))
        return 0
