# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rates that act on spiking neurons: at each tick, one delivery to all of them.

A rate r counts as r spikes per unit of time: a tick brings weight * r * dt, after the engine delay of
the projection. A synapse with time constant tau_syn thus sees the mean current weight * r * tau_syn.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

import numpy as np

from eventsim.states import FINITE, state_array

from eventsim.engine.engine cimport Engine, Event
from eventsim.population.population cimport SynapseGroup, Population
from eventsim.rates.ticks cimport Continuous, TickPart


cdef class RateDelivery(TickPart):
    """Deliveries from a continuous population to a spiking one.

    Parameters
    ----------
    name : str
    pre : Continuous
        Of one sample.
    post : Population
    pre_units, post_units : ndarray of int, shape (n_syn,)
    weight : ndarray, shape (n_syn,)
    delay : float
        In the network's time unit.
    """

    cdef readonly Continuous pre
    cdef readonly Population post
    cdef readonly double dt, delay
    cdef readonly object pre_units, post_units, weight
    cdef dict state
    cdef const int32_t[::1] source_of, target_of
    cdef const double[::1] w
    cdef double[:, ::1] sums                # (n_slots, n_post) weights on their way
    cdef int n_slots

    def __init__(self, str name, Continuous pre not None, Population post not None, pre_units, post_units, weight,
                 double delay):
        self.name, self.pre, self.post, self.dt, self.delay = name, pre, post, pre.dt, delay
        self.pre_units = np.ascontiguousarray(pre_units, np.int32)
        self.post_units = np.ascontiguousarray(post_units, np.int32)
        self.weight = np.array(weight, np.float64)
        self.source_of, self.target_of, self.w = self.pre_units, self.post_units, self.weight
        self.n_slots = int(delay / self.dt) + 2
        self.state = {"sums": np.zeros((self.n_slots, post.n))}
        self.sums = self.state["sums"]

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        """After the tick: send what the new rates bring."""
        cdef int slot = k % self.n_slots
        cdef double *to = &self.sums[slot, 0]
        cdef int64_t synapse
        cdef double r
        cdef bint silent = True
        memset(to, 0, self.post.n * sizeof(double))
        for synapse in range(self.w.shape[0]):
            if self.pre.is_float64:
                r = (<double *> self.pre.rate)[self.source_of[synapse]]
            else:
                r = (<float *> self.pre.rate)[self.source_of[synapse]]
            to[self.target_of[synapse]] += self.w[synapse] * r * self.dt
            silent = silent and r == 0.0
        if silent:
            return 0
        return engine.push(time + self.delay, self.id, slot, 0.0, 0)

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef SynapseGroup group
        group.target = NULL
        group.first = 0
        group.receptor = 0
        group.n = self.post.n
        group.w64 = &self.sums[event.unit, 0]
        group.w32 = NULL
        group.w = 0.0
        return self.post.deliver(engine, event.time, &group)

    def weights(self):
        """Return a copy of (weight, bias); there is no bias."""
        from scipy.sparse import coo_array

        entries = (self.weight.copy(), (self.pre_units, self.post_units))
        return coo_array(entries, shape=(self.pre.n, self.post.n)), None

    def snapshot(self):
        """Return what is on its way."""
        return {"sums": self.state["sums"].copy()}

    def check_state(self, state, time=None, crossings=None):
        """Return what is on its way, or raise ValueError if it cannot be; nothing changes."""
        return {"sums": state_array(state, "sums", float, self.state["sums"].shape, *FINITE, of=self.name)}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.state["sums"][...] = self.check_state(state)["sums"]

    def unit_range(self):
        """Return the places of `sums` that an event may stand for."""
        return 0, self.n_slots
