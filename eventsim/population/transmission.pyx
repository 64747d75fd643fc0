# cython: boundscheck=False, wraparound=False, cdivision=True
"""How spikes leave a population that an imperfect substrate carries: late, lost, by a clock, through a bus.

The k-th spike of a unit leaves `latency + jitter * x_k` after its crossing, unless it is lost; x_k is a function of
the unit's key and of k alone, so it depends neither on the schedule, on slices of a run, nor on other units. A spike
that would leave before its crossing leaves at once and is counted. With a resolution the spike waits for the next
tick of a clock. A bus carries so many spikes per time; those that find it busy wait in line, or are lost.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint64_t

import numpy as np

from eventsim.states import LATEST, state_array, state_number

from eventsim.kernels.draws cimport normal_at, stamped, uniform_at
from eventsim.engine.engine cimport Engine, Event
from eventsim.population.population cimport OutputFilter


cdef class Bus:
    """Carries one spike at a time; several populations may share it.

    Parameters
    ----------
    rate : float
        Spikes per time unit of the network, > 0.
    capacity : int
        Spikes that may wait; others are lost.
    """

    def __init__(self, double rate, int capacity):
        self.rate = rate
        self.capacity = capacity
        self.free = -INFINITY

    cdef double carry(self, double time) noexcept nogil:
        """Return when a spike that comes at `time` gets through, inf if it does not."""
        if time >= self.free:
            self.free = time + 1.0 / self.rate
            return time
        if (self.free - time) * self.rate > self.capacity + 1e-9:
            self.n_lost += 1
            return INFINITY
        time = self.free
        self.free = time + 1.0 / self.rate
        self.n_delayed += 1
        return time


cdef class SpikeTransmission(OutputFilter):
    """The transmission of one population's spikes: late, lost, on a clock, through a bus.

    Parameters
    ----------
    n : int
        Units of the population.
    latency, jitter : array_like, shape (n,) or ()
        Mean and standard deviation of how late spikes leave, in the network's time unit.
    jitter_keys : array_like of uint64, shape (n,)
        What jitter is drawn from, for each unit; see `eventsim.kernels.draws`.
    loss : array_like, shape (n,) or ()
        Probability of a spike to be lost.
    loss_keys : array_like of uint64, shape (n,)
    resolution : float
        Period of the clock; 0 for none.
    bus : Bus, optional

    Attributes
    ----------
    n_lost, n_cut : spikes that were lost, and that would have left before their crossing.
    """

    def __init__(self, int n, latency=0.0, jitter=0.0, jitter_keys=0, loss=0.0, loss_keys=0,
                 double resolution=0.0, Bus bus=None):
        self.n = n
        self.latency = np.array(np.broadcast_to(latency, n), np.float64)
        self.jitter = np.array(np.broadcast_to(jitter, n), np.float64)
        self.loss = np.array(np.broadcast_to(loss, n), np.float64)
        self.jitter_key = np.array(np.broadcast_to(jitter_keys, n), np.uint64)
        self.loss_key = np.array(np.broadcast_to(loss_keys, n), np.uint64)
        self.count = np.zeros(n, np.uint64)
        self.resolution = resolution
        self.bus = bus
        self.shared = bus is not None
        self.horizon = INFINITY
        self.before = (0, 0)

    cdef double transmit(self, double time, int unit) noexcept nogil:
        cdef uint64_t k = self.count[unit]
        cdef double late
        self.count[unit] = k + 1
        if self.loss[unit] > 0.0 and uniform_at(self.loss_key[unit], k) < self.loss[unit]:
            self.n_lost += time < self.horizon
            return INFINITY
        late = self.latency[unit]
        if self.jitter[unit] > 0.0:
            late += self.jitter[unit] * normal_at(self.jitter_key[unit], k)
            if late < 0.0:
                self.n_cut += time < self.horizon
                late = 0.0
        time += late
        if self.resolution > 0.0:
            time = stamped(time, self.resolution)
        if self.shared:
            time = self.bus.carry(time)
        return time

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        """Let a spike out whose time has come (ordered schedule)."""
        return self.population.dispatch(engine, event.time, event.unit)

    def unit_range(self):
        """Return the units that spikes on their way may have."""
        return 0, max(self.n, 1)

    def counters(self):
        """Return how many spikes were lost, left at once instead of earlier, or waited for the bus."""
        found = {"lost": max(int(self.n_lost), self.before[0]), "cut": max(int(self.n_cut), self.before[1])}
        if self.bus is not None:
            found["lost_on_bus"], found["delayed_on_bus"] = int(self.bus.n_lost), int(self.bus.n_delayed)
        return found

    def snapshot(self):
        """Return how many spikes have come, and what is counted."""
        bus = self.bus
        return {
            "count": np.array(self.count),
            "lost": int(self.n_lost),
            "cut": int(self.n_cut),
            "bus": np.zeros(0) if bus is None else np.array([bus.free, bus.n_lost, bus.n_delayed], np.float64),
        }

    def check_state(self, state, time=None, crossings=None):
        """Return the numbers of a state, or raise ValueError if they cannot be; nothing changes."""
        of = "a transmission of spikes"
        bus = state_array(state, "bus", float, (0 if self.bus is None else 3,), of=of)
        if self.bus is not None:
            state_array({"bus": bus[1:]}, "bus", np.int64, (2,), 0, LATEST, of=of)
        return {
            "count": state_array(state, "count", np.uint64, (self.n,), 0, LATEST, of=of),
            "lost": state_number(state, "lost", np.int64, 0, LATEST, of=of),
            "cut": state_number(state, "cut", np.int64, 0, LATEST, of=of),
            "bus": bus,
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.count, self.n_lost, self.n_cut = state["count"], state["lost"], state["cut"]
        self.before = (0, 0)
        if self.bus is not None:
            self.bus.free = state["bus"][0]
            self.bus.n_lost, self.bus.n_delayed = int(state["bus"][1]), int(state["bus"][2])

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        np.asarray(self.count)[:] = state["count"]
        self.n_lost, self.n_cut = state["lost"], state["cut"]
        self.before = (0, 0)
        self.horizon = INFINITY
        if self.bus is not None:
            self.bus.free = state["bus"][0]
            self.bus.n_lost, self.bus.n_delayed = int(state["bus"][1]), int(state["bus"][2])

    def settings(self):
        """Return what says how spikes leave, as arrays and numbers, without the bus."""
        return [np.array(self.latency), np.array(self.jitter), np.array(self.jitter_key), np.array(self.loss),
                np.array(self.loss_key), self.resolution]

    def draw_from(self, jitter_keys=None, loss_keys=None):
        """Draw jitter and losses from other keys, of shape (n,); None leaves those that are there."""
        if jitter_keys is not None:
            np.asarray(self.jitter_key)[:] = jitter_keys
        if loss_keys is not None:
            np.asarray(self.loss_key)[:] = loss_keys

    cdef int save(self) except -1:
        self.saved = self.snapshot()
        return 0

    cdef int rollback(self) except -1:
        before = (int(self.n_lost), int(self.n_cut))
        self.restore(self.saved)
        self.before = before
        return 0
