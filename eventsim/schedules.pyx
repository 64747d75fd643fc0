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
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy, memmove

import numpy as np

from eventsim.errors import EventOrderError
from eventsim.states import state_array, state_number, state_part

from eventsim.kernels.memory cimport resized
from eventsim.transmission cimport SpikeTransmission
from eventsim.population cimport Arrival, Population, Recording, SynapseGroup
from eventsim.recorder cimport SpikeLog
from eventsim.synapses cimport SYNAPTIC, UNIFORM, ArrivalObserver, Synapses


cdef struct InFlight:
    double arrival
    double emitted
    int32_t place       # source, or with delays of its own for each synapse the position of the next one


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

    cdef readonly Synapses synapses
    cdef InFlight *spike
    cdef Py_ssize_t head, n, capacity   # first and one past last
    cdef bint ordered
    cdef object saved

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

    cdef Arrival *arrival
    cdef Py_ssize_t n, capacity
    cdef int64_t n_deliveries
    cdef double **chunk                 # they stay where they are, because groups point into them
    cdef Py_ssize_t *size
    cdef Py_ssize_t n_chunks, current, used

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


cdef class PopulationRunner:
    """A population with the spikes that travel to it and from it."""

    cdef readonly Population population
    cdef list incoming, outgoing        # of InFlightSpikes
    cdef list observers                 # of ArrivalObserver, of its synapses
    cdef double swept, saved_swept      # what arrives before this time has been handled
    cdef ArrivalBuffer arrivals
    cdef bint is_private                   # its spikes are drawn by the population that it feeds
    cdef SpikeLog in_transmission               # of a population with a transmission: spikes under way to its output, by time
    cdef object saved

    def __init__(self, Population population not None, incoming, outgoing, bint is_private):
        self.population = population
        self.incoming = list(incoming)
        self.outgoing = list(outgoing)
        self.observers = [
            observer for in_flight in incoming for observer in (<InFlightSpikes?> in_flight).synapses.observers]
        self.arrivals = ArrivalBuffer()
        self.is_private = is_private
        self.in_transmission = SpikeLog()

    cdef int sweep(self, double start, double end, bint window) except -1:
        """Advance the population over [start, end) and let its spikes set out."""
        cdef InFlightSpikes in_flight
        cdef ArrivalObserver observer
        cdef Population population = self.population
        cdef Py_ssize_t k
        population.fresh.n = 0
        if self.is_private:
            return 0
        self.arrivals.clear()
        for in_flight in self.incoming:
            in_flight.land(end, self.arrivals)
        try:
            with nogil:
                self.arrivals.sort()
                population.sweep(start, end, self.arrivals.arrival, self.arrivals.n, window)
                if population.filtered:
                    self.apply_transmission()
                population.fresh.sort()
                if population.filtered:
                    for k in range(population.fresh.n):
                        self.in_transmission.append(population.fresh.time[k], population.fresh.unit[k])
                    self.in_transmission.sort()
        except EventOrderError as error:
            raise EventOrderError(f"in {population.name!r}, {error}") from None
        self.swept = end
        for observer in self.observers:
            observer.swept = end
            with nogil:
                for k in range(population.fresh.n):
                    observer.on_post(population.fresh.time[k], population.fresh.unit[k])
        for in_flight in self.outgoing:
            with nogil:
                for k in range(population.fresh.n):
                    in_flight.send(population.fresh.time[k], population.fresh.unit[k])
        return 0

    cdef void apply_transmission(self) noexcept nogil:
        """Replace the times of the sweep's spikes by those at which they leave; drop those that do not."""
        cdef double *times = self.population.fresh.time
        cdef int32_t *units = self.population.fresh.unit
        cdef Py_ssize_t k, n = 0
        cdef double time
        for k in range(self.population.fresh.n):
            time = self.population.transmission.transmit(times[k], units[k])
            if time < INFINITY:
                times[n] = time
                units[n] = units[k]
                n += 1
        self.population.fresh.n = n

    cdef int release(self, double start, double end) except -1:
        """Record the spikes that lie in [start, end); those that leave later wait."""
        cdef SpikeLog spikes = self.in_transmission if self.population.filtered else self.population.fresh
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
        if self.population.filtered:
            self.in_transmission.n = n
        return 0

    cdef int save(self, double until) except -1:
        """Remember the state; of the sweep to come what happens from `until` on is not to be counted."""
        cdef ArrivalObserver observer
        self.population.save()
        self.saved_swept = self.swept
        for observer in self.observers:
            observer.save()
        if self.population.filtered:
            (<SpikeTransmission?> self.population.transmission).horizon = until
            self.population.transmission.save()
            self.saved = self.in_transmission.arrays()
        return 0

    cdef int rollback(self) except -1:
        cdef ArrivalObserver observer
        self.population.rollback()
        self.swept = self.saved_swept
        for observer in self.observers:
            observer.rollback()
            observer.swept = self.swept
        if self.population.filtered:
            self.population.transmission.rollback()
            (<SpikeTransmission?> self.population.transmission).horizon = INFINITY
            self.wait(*self.saved)
        return 0

    def wait(self, times, units):
        """Let these spikes be the ones under way to the output."""
        self.in_transmission.n = 0
        for time, unit in zip(times, units, strict=True):
            self.in_transmission.append(time, unit)

    def snapshot(self):
        """Return the state of the population and of its transmission as a nested dictionary of arrays and numbers."""
        state = self.population.snapshot()
        if self.population.filtered:
            times, units = self.in_transmission.arrays()
            state = {"units": state, "exit": self.population.transmission.snapshot(), "leaving": {"times": times, "of": units}}
        return state

    def check_state(self, state, time=None):
        """Return a state, or raise ValueError if the population or its transmission cannot have it; nothing changes."""
        if not self.population.filtered:
            self.population.check_state(state, time)
            return state
        name = self.population.name
        leaving = state_part(state, "leaving", name)
        times = state_array(leaving, "times", float, None, time, np.inf, of=name)
        units = state_array(leaving, "of", np.int64, times.shape, 0, self.population.n, of=name)
        self.population.transmission.check_state(state_part(state, "exit", name))
        self.population.check_state(state_part(state, "units", name), time)
        return {**state, "leaving": {"times": times, "of": units}}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        if self.population.filtered:
            self.population.transmission.restore(state["exit"])
            self.wait(state["leaving"]["times"], state["leaving"]["of"])
            state = state["units"]
        self.population.restore(state)


cdef class Sweeps:
    """The windows schedule (`width` > 0) or the layered one (`width` = 0) of a built network.

    Parameters
    ----------
    populations : list of (Population, is_private)
        In the order in which they are to be advanced.
    synapses : list of Synapses
    width : float
        Of a window, in the network's time unit.
    """

    cdef readonly list runners
    cdef readonly dict in_flight
    cdef readonly double now, width, origin     # windows are [origin + k * width, origin + (k + 1) * width)
    cdef readonly double first_width    # that of the build
    cdef bint running
    cdef bint halfway                   # some populations have been advanced, others have not
    cdef readonly long long window      # number of the window that holds `now`
    cdef double settled                 # time up to which the populations of this window have come, if past its start
    cdef public object estimate         # callable (start, end) -> deliveries to expect, for the length of layered chunks

    def __init__(self, populations, synapses, double width, estimate=None):
        self.width = self.first_width = width
        self.estimate = estimate
        self.in_flight = {s.name: InFlightSpikes(s) for s in synapses}
        self.runners = [
            PopulationRunner(
                population,
                [self.in_flight[s.name] for s in synapses if s.post is population],
                [self.in_flight[s.name] for s in synapses if s.pre is population],
                is_private,
            )
            for population, is_private in populations
        ]

    def run(self, double until):
        """Advance to `until`, which is not before now.

        Raises
        ------
        RuntimeError
            If it runs already, in another thread.
        """
        if self.running:
            raise RuntimeError("this simulation is running in another thread; give each thread its own")
        if self.halfway:
            raise RuntimeError(
                "a run was interrupted while populations were on their way; go back by reset() or restore()")
        self.running = True
        try:
            self.advance(until)
        finally:
            self.running = False

    cdef int advance(self, double until) except -1:
        cdef double start, end
        cdef long long k, n
        if self.width > 0.0:
            while self.now < until:
                start = max(self.origin + self.window * self.width, self.settled)
                end = self.origin + (self.window + 1) * self.width
                PyErr_CheckSignals()
                self.halfway = True
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
                self.halfway = False
            return 0
        n = max(1, int(self.estimate(self.now, until) // 2**21)) if self.estimate is not None else 1
        start = self.now
        for k in range(1, n + 1):
            end = until if k == n else start + (until - start) * k / n
            PyErr_CheckSignals()
            self.halfway = True
            self.sweep(self.now, end, False)
            self.release(self.now, end)
            self.now = end
            self.halfway = False
        return 0

    def settle(self):
        """Bring the populations to `now` for good, so that something may be changed there.

        The rest of the window is then a window of its own. Nothing is recorded: it was when the clock came here.
        """
        cdef double start = max(self.origin + self.window * self.width, self.settled)
        if self.running or self.halfway:
            raise RuntimeError("a run is under way or was interrupted; nothing can be changed in its middle")
        if self.width > 0.0 and start < self.now:
            self.halfway = True
            self.sweep(start, self.now, True)
            self.release(self.now, self.now)
            self.settled = self.now
            self.halfway = False

    def narrow(self, double width):
        """Let windows from now on have another width; `settle` comes first."""
        self.origin = self.now
        self.width = width
        self.window = 0

    def read(self, function):
        """Return function() as if the populations had come to `now`; then they are where they were."""
        cdef double start = max(self.origin + self.window * self.width, self.settled)
        if self.running or self.halfway:
            raise RuntimeError("a run is under way or was interrupted; nothing can be read in its middle")
        if not (self.width > 0.0 and start < self.now):
            return function()
        self.halfway = True
        self.save(self.now)
        self.sweep(start, self.now, True)
        found = function()
        self.rollback()
        self.halfway = False
        return found

    cdef int sweep(self, double start, double end, bint window) except -1:
        cdef PopulationRunner runner
        for runner in self.runners:
            runner.sweep(start, end, window)
        return 0

    cdef int release(self, double start, double end) except -1:
        cdef PopulationRunner runner
        for runner in self.runners:
            runner.release(start, end)
        return 0

    cdef int save(self, double until) except -1:
        cdef PopulationRunner runner
        cdef InFlightSpikes in_flight
        for runner in self.runners:
            runner.save(until)
        for in_flight in self.in_flight.values():
            in_flight.save()
        return 0

    cdef int rollback(self) except -1:
        cdef PopulationRunner runner
        cdef InFlightSpikes in_flight
        for runner in self.runners:
            runner.rollback()
        for in_flight in self.in_flight.values():
            in_flight.rollback()
        return 0

    cdef int cut(self, double until) except -1:
        """Take back the samples at and after `until`."""
        cdef PopulationRunner runner
        cdef Recording recording
        for runner in self.runners:
            for recording in runner.population.recordings:
                while recording.log.n and recording.log.time[recording.log.n - 1] >= until:
                    recording.log.n -= 1
                    recording.next -= 1
        return 0

    def snapshot(self):
        """Return clock, states and spikes under way as a nested dictionary of arrays and numbers."""
        if self.halfway:
            raise RuntimeError("a run was interrupted while populations were on their way; this is no state to keep")
        settled = {"settled": self.settled} if self.settled > self.origin + self.window * self.width else {}
        if self.origin > 0.0 or self.width != self.first_width:
            settled |= {"origin": self.origin, "width": self.width}
        plastic = {name: states for name, states in self.observed_states().items() if states}
        return settled | ({"plasticity": plastic} if plastic else {}) | {
            "now": self.now,
            "window": self.window,
            "flights": {name: in_flight.snapshot() for name, in_flight in self.in_flight.items()},
            "populations": {s.population.name: s.snapshot() for s in self.runners},
        }

    def observed_states(self):
        """Return the states of what observes synapses, by projection and then by number."""
        return {
            name: {str(k): observer.snapshot() for k, observer in enumerate(in_flight.synapses.observers)}
            for name, in_flight in self.in_flight.items()
        }

    def rewind(self):
        """Go back to time 0 with no spike under way, and return whether that was possible.

        Populations and transmissions stay as they are; an interrupted run cannot be taken back this way.
        """
        cdef PopulationRunner runner
        cdef InFlightSpikes in_flight
        if self.running:
            raise RuntimeError("this simulation is running in another thread; it cannot go back")
        if self.halfway:
            return False
        self.now = self.origin = 0.0
        self.width = self.first_width
        self.window = 0
        for in_flight in self.in_flight.values():
            in_flight.head = in_flight.n = 0
        for runner in self.runners:
            runner.in_transmission.n = 0
        return True

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        now = state_number(state, "now", float, 0.0, np.inf)
        window = state_number(state, "window", np.int64, 0, np.inf if self.width > 0.0 else 1)
        start = now
        width, origin = self.first_width, 0.0
        if self.width > 0.0:
            if "width" in state:
                width = state_number(state, "width", float, 5e-324, np.nextafter(self.first_width, np.inf))
                origin = state_number(state, "origin", float, 0.0, np.inf)
            start = origin + window * width
            if not start <= now < origin + (window + 1) * width:
                raise ValueError(
                    f"the state is of window {window}, but its clock, {now!r}, is in window {(now - origin) // width:.0f}")
        settled = state_number({"settled": 0.0, **state}, "settled", float, 0.0, np.inf)
        if settled > now:
            raise ValueError(f"the state has come to {settled!r}, but its clock is at {now!r}")
        start = max(start, settled)
        if self.running:
            raise RuntimeError("this simulation is running in another thread; it cannot go back")
        flights, populations = state_part(state, "flights"), state_part(state, "populations")
        observers = [
            (observer, name, str(k))
            for name, in_flight in self.in_flight.items() for k, observer in enumerate(in_flight.synapses.observers)
        ]
        plastic = {}
        for observer, name, k in observers:
            plastic[name, k] = state_part(state_part(state_part(state, "plasticity"), name), k)
            observer.check_state(plastic[name, k], start)
        for name, in_flight in self.in_flight.items():
            in_flight.check_state(state_part(flights, name), start)
        for runner in self.runners:
            runner.check_state(state_part(populations, runner.population.name), start)
        self.now, self.window, self.settled = now, window, settled
        self.width, self.origin = width, origin
        self.halfway = False
        for name, in_flight in self.in_flight.items():
            in_flight.restore(state["flights"][name])
        for runner in self.runners:
            runner.restore(state["populations"][runner.population.name])
            (<PopulationRunner> runner).swept = start
        for observer, name, k in observers:
            observer.restore(plastic[name, k])
            (<ArrivalObserver?> observer).swept = start
