# cython: boundscheck=False, wraparound=False, cdivision=True
"""Spikes on their way to a population, and the arrivals that they become, where populations are advanced whole.

A projection's spikes set out as its sources emit them (`InFlightSpikes`). Those that arrive in a sweep of the
targets land in its `ArrivalBuffer`, which sorts them by time.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy, memmove

import numpy as np

from eventsim.states import state_array

from eventsim.kernels.memory cimport resized
from eventsim.population.population cimport Arrival, SynapseGroup
from eventsim.synapses.synapses cimport SYNAPTIC, UNIFORM, Synapses


cdef int by_time(const void *a, const void *b) noexcept nogil:
    cdef const Arrival *x = <const Arrival *> a
    cdef const Arrival *y = <const Arrival *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return -1 if x.rank < y.rank else 1


cdef inline bint before(const InFlight *a, const InFlight *b) noexcept nogil:
    """Say which spike lands first. The order is total, so that simultaneous inputs add up alike in every slicing."""
    if a.arrival != b.arrival:
        return a.arrival < b.arrival
    if a.emitted != b.emitted:
        return a.emitted < b.emitted
    return a.place < b.place


cdef class InFlightSpikes:
    """Spikes of one projection that are under way.

    With one delay for all they arrive in the order they were emitted; otherwise, or where some leave
    late, they wait in a heap by time of arrival.
    """

    def __init__(self, Synapses synapses not None):
        self.synapses = synapses
        self.ordered = synapses.delay_kind == UNIFORM and not synapses.pre.filtered

    def __dealloc__(self):
        free(self.spike)

    cdef int make_room(self) except -1 nogil:
        cdef Py_ssize_t capacity
        if self.n < self.capacity:
            return 0
        if self.head > self.capacity // 2:
            memmove(self.spike, self.spike + self.head, (self.n - self.head) * sizeof(InFlight))
            self.n -= self.head
            self.head = 0
            return 0
        capacity = 2 * self.capacity + 256
        self.spike = <InFlight *> resized(self.spike, capacity, sizeof(InFlight), b"spikes under way")
        self.capacity = capacity
        return 0

    cdef int put(self, InFlight spike) except -1 nogil:
        cdef Py_ssize_t hole, parent
        self.make_room()
        hole = self.n
        self.n += 1
        if not self.ordered:
            while hole > 0:
                parent = (hole - 1) // 2
                if not before(&spike, &self.spike[parent]):
                    break
                self.spike[hole] = self.spike[parent]
                hole = parent
        self.spike[hole] = spike
        return 0

    cdef int replace_top(self, InFlight spike) except -1 nogil:
        """Put `spike` in place of the earliest one (heap)."""
        cdef Py_ssize_t hole = 0, child
        while True:
            child = 2 * hole + 1
            if child >= self.n:
                break
            if child + 1 < self.n and before(&self.spike[child + 1], &self.spike[child]):
                child += 1
            if not before(&self.spike[child], &spike):
                break
            self.spike[hole] = self.spike[child]
            hole = child
        self.spike[hole] = spike
        return 0

    cdef int send(self, double time, int unit) except -1 nogil:
        """Let a spike set out."""
        cdef int64_t begin = self.synapses.first(unit)
        cdef InFlight spike
        if begin == self.synapses.first(unit + 1):
            return 0
        spike.emitted = time
        spike.place = unit
        if self.synapses.delay_kind == UNIFORM:
            spike.arrival = time + self.synapses.one_delay
        elif self.synapses.delay_kind == SYNAPTIC:
            spike.arrival = time + self.synapses.delay_at(self.synapses.stored(begin))
            spike.place = <int32_t> begin
        else:
            spike.arrival = time + self.synapses.axonal[unit]
        return self.put(spike)

    cdef int land(self, double end, ArrivalBuffer arrivals) except -1 nogil:
        """Move what arrives before `end` into the arrivals."""
        cdef InFlight spike
        cdef Arrival *arrival
        cdef int64_t begin, following
        cdef int source
        self.synapses.renew()
        while self.head < self.n:
            spike = self.spike[self.head]
            if spike.arrival >= end:
                break
            arrival = arrivals.next()
            arrival.time = spike.arrival
            source = self.synapses.take_group(spike.place, &begin, &following, &arrival.group)
            arrivals.n_deliveries += arrival.group.n
            if self.synapses.observed:
                self.synapses.observe(spike.arrival, spike.emitted, source, begin, &arrival.group)
                arrivals.keep_weights(&arrival.group)
            if self.ordered:
                self.head += 1
            elif following >= 0:
                spike.place = <int32_t> following
                spike.arrival = spike.emitted + self.synapses.delay_at(self.synapses.stored(following))
                self.replace_top(spike)
            else:
                self.n -= 1
                if self.n:
                    self.replace_top(self.spike[self.n])
        if self.head == self.n:
            self.head = 0
            self.n = 0
        return 0

    def snapshot(self):
        """Return the spikes under way as a dictionary of arrays."""
        cdef Py_ssize_t k
        arrival = np.empty(self.n - self.head)
        emitted = np.empty(self.n - self.head)
        place = np.empty(self.n - self.head, np.int64)
        for k in range(self.head, self.n):
            arrival[k - self.head] = self.spike[k].arrival
            emitted[k - self.head] = self.spike[k].emitted
            place[k - self.head] = self.spike[k].place
        return {"arrival": arrival, "emitted": emitted, "place": place}

    def check_state(self, state, time=None):
        """Return the spikes under way of a state, or raise ValueError if they cannot be; nothing changes."""
        cdef Synapses synapses = self.synapses
        of = synapses.name
        arrival = state_array(state, "arrival", float, None, time, np.inf, of=of)
        emitted = state_array(state, "emitted", float, arrival.shape, 0.0, np.inf, of=of)
        place = state_array(state, "place", np.int64, arrival.shape, *synapses.unit_range(), of=of)
        if len(place) and not synapses.n:
            raise ValueError(f"'place' in the state of {of} holds {place[0]}, but it has no synapses")
        if synapses.redelayed:  # spikes under way have the delays of before
            if not (arrival >= emitted).all():
                raise ValueError(f"'arrival' in the state of {of} lies before the times of emission")
            return {"arrival": arrival, "emitted": emitted, "place": place}
        delay = synapses.one_delay if synapses.delay_kind == UNIFORM else synapses.arrays["delay"][place].astype(float)
        if not np.array_equal(arrival, emitted + delay):
            raise ValueError(f"'arrival' in the state of {of} differs from the times of emission and the delays")
        if self.ordered and (np.diff(arrival) < 0).any():
            raise ValueError(f"'arrival' in the state of {of} must rise")
        return {"arrival": arrival, "emitted": emitted, "place": place}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put_back(self.check_state(state))

    cdef int put_back(self, dict state) except -1:
        cdef InFlight spike
        cdef const double[::1] arrivals = state["arrival"], emitted = state["emitted"]
        cdef const int64_t[::1] places = state["place"]
        cdef Py_ssize_t k
        self.head = 0
        self.n = 0
        for k in range(arrivals.shape[0]):
            spike.arrival = arrivals[k]
            spike.emitted = emitted[k]
            spike.place = <int32_t> places[k]
            self.put(spike)
        return 0

    def put_delays(self, delays, spikes):
        """Let the synapses have other delays, and these spikes, of the form of `snapshot`, be under way."""
        self.synapses.put_delays(delays)
        self.ordered = False    # what is emitted later may arrive sooner
        self.put_back(spikes)

    cdef int save(self) except -1:
        self.saved = self.snapshot()
        return 0

    cdef int rollback(self) except -1:
        self.put_back(self.saved)
        return 0


cdef enum:
    CHUNK = 1 << 16     # weights that are allocated together


cdef class ArrivalBuffer:
    """Arrivals at one population during a sweep, and the weights of those whose synapses go on changing."""

    def __dealloc__(self):
        cdef Py_ssize_t k
        for k in range(self.n_chunks):
            free(self.chunk[k])
        free(self.chunk)
        free(self.size)
        free(self.arrival)

    cdef void clear(self) noexcept nogil:
        self.n = 0
        self.n_deliveries = 0
        self.current = 0
        self.used = 0

    cdef int keep_weights(self, SynapseGroup *group) except -1 nogil:
        """Let a group have a copy of its weights, as they are now."""
        cdef double *copy
        if group.w64 == NULL:
            return 0
        while self.current < self.n_chunks and self.used + group.n > self.size[self.current]:
            self.current += 1
            self.used = 0
        if self.current == self.n_chunks:
            self.add_chunk(max(group.n, CHUNK))
        copy = self.chunk[self.current] + self.used
        memcpy(copy, group.w64, group.n * sizeof(double))
        group.w64 = copy
        self.used += group.n
        return 0

    cdef int add_chunk(self, Py_ssize_t size) except -1 nogil:
        self.chunk = <double **> resized(self.chunk, self.n_chunks + 1, sizeof(double *), b"weights under way")
        self.size = <Py_ssize_t *> resized(self.size, self.n_chunks + 1, sizeof(Py_ssize_t), b"weights under way")
        self.chunk[self.n_chunks] = <double *> resized(NULL, size, sizeof(double), b"weights under way")
        self.size[self.n_chunks] = size
        self.n_chunks += 1
        return 0

    cdef Arrival *next(self) except NULL nogil:
        """Return the place of a further arrival."""
        cdef Py_ssize_t capacity
        if self.n == self.capacity:
            capacity = 2 * self.capacity + 64
            self.arrival = <Arrival *> resized(self.arrival, capacity, sizeof(Arrival), b"arrivals")
            self.capacity = capacity
        self.arrival[self.n].rank = self.n
        self.n += 1
        return &self.arrival[self.n - 1]

    cdef void sort(self) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(1, self.n):
            if self.arrival[k].time < self.arrival[k - 1].time:
                qsort(self.arrival, self.n, sizeof(Arrival), &by_time)
                return
