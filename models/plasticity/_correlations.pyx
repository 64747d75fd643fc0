# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Correlation sensors: at every synapse two accumulators of nearest-neighbour pairs, which saturate.

An arrival followed by an event of the target adds amplitude_plus e^(-dt / tau_plus) to the causal accumulator,
an event followed by an arrival adds amplitude_minus e^(-dt / tau_minus) to the anti-causal one.
Only neighbours in time count: of several
arrivals before an event the last, of several events after an arrival the first.
"""

from libc.math cimport INFINITY, exp, fmin
from libc.stdint cimport int32_t, int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.dendrites.population cimport Watcher
from eventsim.population cimport SynapseGroup, SpikeSink
from eventsim.synapses cimport ArrivalObserver


cdef class CorrelationSensors(ArrivalObserver):
    """Sensors of the synapses of one projection, numbered as these were declared.

    Parameters
    ----------
    target : ndarray of int, shape (n_syn,)
        Unit that each synapse leads to; stays.
    n_post : int
    tau_plus, tau_minus, amplitude_plus, amplitude_minus, ceiling : float
    """

    cdef readonly dict arrays
    cdef double[::1] causal, anticausal, last_arrival   # (n_syn,)
    cdef double[::1] last_event                         # (n_post,)
    cdef int64_t[::1] n_events                          # (n_post,) since they were last read
    cdef int32_t[::1] storage                           # (n_syn,) synapse at a place of storage
    cdef int32_t[::1] synapse_of                        # (n_syn,) sorted by target
    cdef int64_t[::1] start                             # (n_post + 1,)
    cdef int32_t[::1] target
    cdef double rate_plus, rate_minus, amplitude_plus, amplitude_minus, ceiling

    def __init__(self, target, int n_post, double tau_plus, double tau_minus, double amplitude_plus, double amplitude_minus,
                 double ceiling):
        n = len(target)
        self.target = np.ascontiguousarray(target, np.int32)
        self.arrays = {
            "causal": np.zeros(n),
            "anticausal": np.zeros(n),
            "last_arrival": np.full(n, -np.inf),
            "last_event": np.full(n_post, -np.inf),
            "n_events": np.zeros(n_post, np.int64),
        }
        self.causal, self.anticausal = self.arrays["causal"], self.arrays["anticausal"]
        self.last_arrival, self.last_event = self.arrays["last_arrival"], self.arrays["last_event"]
        self.n_events = self.arrays["n_events"]
        self.synapse_of = np.argsort(target, kind="stable").astype(np.int32)
        self.start = np.searchsorted(np.sort(target), np.arange(n_post + 1)).astype(np.int64)
        self.storage = np.arange(n, dtype=np.int32)
        self.rate_plus, self.rate_minus = 1.0 / tau_plus, 1.0 / tau_minus
        self.amplitude_plus, self.amplitude_minus, self.ceiling = amplitude_plus, amplitude_minus, ceiling

    def stored_as(self, storage):
        """Say which synapse lies at each place of storage."""
        self.storage = np.ascontiguousarray(storage, np.int32)

    def clear(self, synapses=slice(None)):
        """Empty the accumulators of some synapses; what came last stays known."""
        self.arrays["causal"][synapses] = 0.0
        self.arrays["anticausal"][synapses] = 0.0

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int32_t synapse
        cdef double event
        for k in range(group.n):
            synapse = self.storage[first + k]
            event = self.last_event[self.target[synapse]]
            if event > self.last_arrival[synapse]:
                self.anticausal[synapse] = fmin(
                    self.anticausal[synapse] + self.amplitude_minus * exp((event - time) * self.rate_minus), self.ceiling)
            self.last_arrival[synapse] = time
        return 0

    cdef int on_post(self, double time, int unit) except -1 nogil:
        """See an event of the target; with ticks, arrivals of the same tick may have come after it."""
        cdef int64_t k
        cdef int32_t synapse
        cdef double arrival, before = self.last_event[unit]
        for k in range(self.start[unit], self.start[unit + 1]):
            synapse = self.synapse_of[k]
            arrival = self.last_arrival[synapse]
            if arrival > time:
                self.anticausal[synapse] = fmin(
                    self.anticausal[synapse] + self.amplitude_minus * exp((time - arrival) * self.rate_minus), self.ceiling)
            elif arrival >= before and arrival > -INFINITY:
                self.causal[synapse] = fmin(
                    self.causal[synapse] + self.amplitude_plus * exp((arrival - time) * self.rate_plus), self.ceiling)
        self.last_event[unit] = time
        self.n_events[unit] += 1
        return 0


cdef class CircuitEvents(Watcher):
    """Leads the events of one circuit of neurons with compartments to sensors."""

    cdef CorrelationSensors sensors
    cdef int circuit

    def __init__(self, CorrelationSensors sensors not None, int circuit):
        self.sensors, self.circuit = sensors, circuit

    cdef int on_event(self, double time, int unit, int circuit) except -1 nogil:
        if circuit == self.circuit:
            self.sensors.on_post(time, unit)
        return 0


cdef class SpikeEvents(SpikeSink):
    """Leads the spikes of a population to sensors."""

    cdef CorrelationSensors sensors
    cdef readonly double min_delay

    def __init__(self, CorrelationSensors sensors not None):
        self.sensors = sensors
        self.min_delay = INFINITY   # it is called at the time of the spike, and schedules nothing

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        return self.sensors.on_post(time, unit)
