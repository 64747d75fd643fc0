# cython: boundscheck=False, wraparound=False, cdivision=True
"""Schedules that advance whole populations at a time: windows and layers.

*Windows*: with a shortest delay d every arrival of the next d is known, so each population is
advanced a window at a time. Windows lie on a fixed lattice of multiples of their width, whatever
the slices of a run: a run that ends inside a window computes the whole window, keeps what came
before its end, and goes back to the window's start. So slices change nothing, to the bit.

*Layers*: in a network without loops populations run one after another over a whole slice. Units
are advanced by their own events only, never by the end of a slice, with the arithmetic of the
ordered schedule.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memmove

import numpy as np

from eventsim.transmission cimport Gate
from eventsim.population cimport Arrival, Population, Recording
from eventsim.recorder cimport SpikeLog
from eventsim.synapses cimport SYNAPTIC, UNIFORM, Synapses


cdef struct Flight:
    double arrival
    double emitted
    int32_t place       # source, or with delays of its own for each synapse the position of the next one


cdef int by_time(const void *a, const void *b) noexcept nogil:
    cdef const Arrival *x = <const Arrival *> a
    cdef const Arrival *y = <const Arrival *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return -1 if x.rank < y.rank else 1


cdef inline bint before(const Flight *a, const Flight *b) noexcept nogil:
    """Say which flight lands first. The order is total, so that simultaneous inputs add up alike in every slicing."""
    if a.arrival != b.arrival:
        return a.arrival < b.arrival
    if a.emitted != b.emitted:
        return a.emitted < b.emitted
    return a.place < b.place


cdef class Flights:
    """Spikes of one projection that are under way.

    With one delay for all they arrive in the order they were emitted; otherwise, or where some leave
    late, they wait in a heap by time of arrival.
    """

    cdef readonly Synapses synapses
    cdef Flight *flight
    cdef Py_ssize_t head, n, capacity   # first and one past last
    cdef bint ordered
    cdef object saved

    def __init__(self, Synapses synapses not None):
        self.synapses = synapses
        self.ordered = synapses.delay_kind == UNIFORM and not synapses.pre.gated

    def __dealloc__(self):
        free(self.flight)

    cdef int room(self) except -1 nogil:
        cdef Py_ssize_t capacity
        cdef void *memory
        if self.n < self.capacity:
            return 0
        if self.head > self.capacity // 2:
            memmove(self.flight, self.flight + self.head, (self.n - self.head) * sizeof(Flight))
            self.n -= self.head
            self.head = 0
            return 0
        capacity = 2 * self.capacity + 256
        memory = realloc(self.flight, capacity * sizeof(Flight))
        if memory == NULL:
            with gil:
                raise MemoryError
        self.flight = <Flight *> memory
        self.capacity = capacity
        return 0

    cdef int put(self, Flight flight) except -1 nogil:
        cdef Py_ssize_t hole, parent
        self.room()
        hole = self.n
        self.n += 1
        if not self.ordered:
            while hole > 0:
                parent = (hole - 1) // 2
                if not before(&flight, &self.flight[parent]):
                    break
                self.flight[hole] = self.flight[parent]
                hole = parent
        self.flight[hole] = flight
        return 0

    cdef int replace_top(self, Flight flight) except -1 nogil:
        """Put `flight` in place of the earliest one (heap)."""
        cdef Py_ssize_t hole = 0, child
        while True:
            child = 2 * hole + 1
            if child >= self.n:
                break
            if child + 1 < self.n and before(&self.flight[child + 1], &self.flight[child]):
                child += 1
            if not before(&self.flight[child], &flight):
                break
            self.flight[hole] = self.flight[child]
            hole = child
        self.flight[hole] = flight
        return 0

    cdef int send(self, double time, int unit) except -1 nogil:
        """Let a spike set out."""
        cdef int64_t begin = self.synapses.first(unit)
        cdef Flight flight
        if begin == self.synapses.first(unit + 1):
            return 0
        flight.emitted = time
        flight.place = unit
        if self.synapses.delay_kind == UNIFORM:
            flight.arrival = time + self.synapses.one_delay
        elif self.synapses.delay_kind == SYNAPTIC:
            flight.arrival = time + self.synapses.delay_at(begin)
            flight.place = <int32_t> begin
        else:
            flight.arrival = time + self.synapses.axonal[unit]
        return self.put(flight)

    cdef int land(self, double end, Inbox inbox) except -1 nogil:
        """Move what arrives before `end` into the inbox."""
        cdef Flight flight
        cdef Arrival *arrival
        cdef double delay = 0.0
        cdef int64_t cursor
        cdef int unit
        while self.head < self.n:
            flight = self.flight[self.head]
            if flight.arrival >= end:
                break
            arrival = inbox.next()
            arrival.time = flight.arrival
            unit = flight.place
            cursor = self.synapses.first(unit) if self.synapses.delay_kind != SYNAPTIC else flight.place
            if self.synapses.delay_kind == SYNAPTIC:
                unit = self.synapses.source_of(cursor)
            self.synapses.group(unit, &cursor, &delay, &arrival.fan)
            inbox.n_deliveries += arrival.fan.n
            if self.ordered:
                self.head += 1
            elif cursor < self.synapses.first(unit + 1) and self.synapses.delay_kind == SYNAPTIC:
                flight.place = <int32_t> cursor
                flight.arrival = flight.emitted + self.synapses.delay_at(cursor)
                self.replace_top(flight)
            else:
                self.n -= 1
                if self.n:
                    self.replace_top(self.flight[self.n])
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
            arrival[k - self.head] = self.flight[k].arrival
            emitted[k - self.head] = self.flight[k].emitted
            place[k - self.head] = self.flight[k].place
        return {"arrival": arrival, "emitted": emitted, "place": place}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        cdef Flight flight
        self.head = 0
        self.n = 0
        for arrival, emitted, place in zip(state["arrival"], state["emitted"], state["place"], strict=True):
            flight.arrival = arrival
            flight.emitted = emitted
            flight.place = place
            self.put(flight)

    cdef int save(self) except -1:
        self.saved = (self.head, self.n, self.snapshot())
        return 0

    cdef int rollback(self) except -1:
        self.restore(self.saved[2])
        return 0


cdef class Inbox:
    """Arrivals at one population during a sweep."""

    cdef Arrival *arrival
    cdef Py_ssize_t n, capacity
    cdef int64_t n_deliveries

    def __dealloc__(self):
        free(self.arrival)

    cdef Arrival *next(self) except NULL nogil:
        """Return the place of a further arrival."""
        cdef Py_ssize_t capacity
        cdef void *memory
        if self.n == self.capacity:
            capacity = 2 * self.capacity + 64
            memory = realloc(self.arrival, capacity * sizeof(Arrival))
            if memory == NULL:
                with gil:
                    raise MemoryError
            self.arrival = <Arrival *> memory
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


cdef class Station:
    """A population with what leads to it and what leaves it."""

    cdef readonly Population population
    cdef list incoming, outgoing        # of Flights
    cdef Inbox inbox
    cdef bint passive                   # its spikes are drawn by the population that it feeds
    cdef SpikeLog leaving               # of a population with an exit: spikes on their way out, by time
    cdef object saved

    def __init__(self, Population population not None, incoming, outgoing, bint passive):
        self.population = population
        self.incoming = list(incoming)
        self.outgoing = list(outgoing)
        self.inbox = Inbox()
        self.passive = passive
        self.leaving = SpikeLog()

    cdef int sweep(self, double start, double end, bint window) except -1:
        """Advance the population over [start, end) and let its spikes set out."""
        cdef Flights flights
        cdef Population population = self.population
        cdef Py_ssize_t k
        population.fresh.n = 0
        if self.passive:
            return 0
        self.inbox.n = 0
        self.inbox.n_deliveries = 0
        for flights in self.incoming:
            flights.land(end, self.inbox)
        with nogil:
            self.inbox.sort()
            population.sweep(start, end, self.inbox.arrival, self.inbox.n, window)
            if population.gated:
                self.pass_exit()
            population.fresh.sort()
            if population.gated:
                for k in range(population.fresh.n):
                    self.leaving.append(population.fresh.time[k], population.fresh.unit[k])
                self.leaving.sort()
        for flights in self.outgoing:
            with nogil:
                for k in range(population.fresh.n):
                    flights.send(population.fresh.time[k], population.fresh.unit[k])
        return 0

    cdef void pass_exit(self) noexcept nogil:
        """Replace the times of the sweep's spikes by those at which they leave; drop those that do not."""
        cdef double *times = self.population.fresh.time
        cdef int32_t *units = self.population.fresh.unit
        cdef Py_ssize_t k, n = 0
        cdef double time
        for k in range(self.population.fresh.n):
            time = self.population.exit.leave(times[k], units[k])
            if time < INFINITY:
                times[n] = time
                units[n] = units[k]
                n += 1
        self.population.fresh.n = n

    cdef int release(self, double start, double end) except -1:
        """Record the spikes that lie in [start, end); those that leave later wait."""
        cdef SpikeLog spikes = self.leaving if self.population.gated else self.population.fresh
        cdef Py_ssize_t k, n = 0
        cdef double time
        for k in range(spikes.n):
            time = spikes.time[k]
            if start <= time < end and self.population.keep_spikes:
                self.population.log.append(time, spikes.unit[k])
            if time >= end:
                spikes.time[n] = time
                spikes.unit[n] = spikes.unit[k]
                n += 1
        if self.population.gated:
            self.leaving.n = n
        return 0

    cdef int save(self, double until) except -1:
        """Remember the state; of the sweep to come what happens from `until` on is not to be counted."""
        self.population.save()
        if self.population.gated:
            (<Gate?> self.population.exit).horizon = until
            self.population.exit.save()
            self.saved = self.leaving.arrays()
        return 0

    cdef int rollback(self) except -1:
        self.population.rollback()
        if self.population.gated:
            self.population.exit.rollback()
            (<Gate?> self.population.exit).horizon = INFINITY
            self.wait(*self.saved)
        return 0

    def wait(self, times, units):
        """Let these spikes be the ones on their way out."""
        self.leaving.n = 0
        for time, unit in zip(times, units, strict=True):
            self.leaving.append(time, unit)

    def snapshot(self):
        """Return the state of the population and of its exit as a nested dictionary of arrays and numbers."""
        state = self.population.snapshot()
        if self.population.gated:
            times, units = self.leaving.arrays()
            state = {"units": state, "exit": self.population.exit.snapshot(), "leaving": {"times": times, "of": units}}
        return state

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        if self.population.gated:
            self.population.exit.restore(state["exit"])
            self.wait(state["leaving"]["times"], state["leaving"]["of"])
            state = state["units"]
        self.population.restore(state)


cdef class Sweeps:
    """The windows schedule (`width` > 0) or the layered one (`width` = 0) of a built network.

    Parameters
    ----------
    populations : list of (Population, passive)
        In the order in which they are to be advanced.
    synapses : list of Synapses
    width : float
        Of a window, in the network's time unit.
    """

    cdef readonly list stations
    cdef readonly dict flights
    cdef readonly double now, width
    cdef readonly long long window      # number of the window that holds `now`
    cdef public object estimate         # callable (start, end) -> deliveries to expect, for the length of layered chunks

    def __init__(self, populations, synapses, double width, estimate=None):
        self.width = width
        self.estimate = estimate
        self.flights = {s.name: Flights(s) for s in synapses}
        self.stations = [
            Station(
                population,
                [self.flights[s.name] for s in synapses if s.post is population],
                [self.flights[s.name] for s in synapses if s.pre is population],
                passive,
            )
            for population, passive in populations
        ]

    def run(self, double until):
        """Advance to `until`, which is not before now."""
        cdef double start, end
        cdef long long k, n
        if self.width > 0.0:
            while self.now < until:
                start = self.window * self.width
                end = (self.window + 1) * self.width
                PyErr_CheckSignals()
                if end <= until:
                    self.sweep(start, end, True)
                    self.release(self.now, end)
                    self.window += 1
                    self.now = end
                else:
                    self.save(until)
                    self.sweep(start, end, True)
                    self.release(self.now, until)
                    self.rollback()
                    self.cut(until)
                    self.now = until
            return
        n = max(1, int(self.estimate(self.now, until) // 2**21)) if self.estimate is not None else 1
        start = self.now
        for k in range(1, n + 1):
            end = until if k == n else start + (until - start) * k / n
            PyErr_CheckSignals()
            self.sweep(self.now, end, False)
            self.release(self.now, end)
            self.now = end

    cdef int sweep(self, double start, double end, bint window) except -1:
        cdef Station station
        for station in self.stations:
            station.sweep(start, end, window)
        return 0

    cdef int release(self, double start, double end) except -1:
        cdef Station station
        for station in self.stations:
            station.release(start, end)
        return 0

    cdef int save(self, double until) except -1:
        cdef Station station
        cdef Flights flights
        for station in self.stations:
            station.save(until)
        for flights in self.flights.values():
            flights.save()
        return 0

    cdef int rollback(self) except -1:
        cdef Station station
        cdef Flights flights
        for station in self.stations:
            station.rollback()
        for flights in self.flights.values():
            flights.rollback()
        return 0

    cdef int cut(self, double until) except -1:
        """Take back the samples at and after `until`."""
        cdef Station station
        cdef Recording recording
        for station in self.stations:
            for recording in station.population.recordings:
                while recording.log.n and recording.log.time[recording.log.n - 1] >= until:
                    recording.log.n -= 1
                    recording.next -= 1
        return 0

    def snapshot(self):
        """Return clock, states and spikes under way as a nested dictionary of arrays and numbers."""
        return {
            "now": self.now,
            "window": self.window,
            "flights": {name: flights.snapshot() for name, flights in self.flights.items()},
            "populations": {s.population.name: s.snapshot() for s in self.stations},
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.now = float(state["now"])
        self.window = int(state["window"])
        for name, flights in self.flights.items():
            flights.restore(state["flights"][name])
        for station in self.stations:
            station.restore(state["populations"][station.population.name])
