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
from libc.stdint cimport int32_t

import numpy as np

from eventsim.errors import EventOrderError
from eventsim.states import state_array, state_number, state_part

from eventsim.schedules.in_flight cimport ArrivalBuffer, InFlightSpikes
from eventsim.population.transmission cimport SpikeTransmission
from eventsim.population.population cimport Population, Recording
from eventsim.population.recorder cimport SpikeLog
from eventsim.synapses.observers cimport ArrivalObserver


cdef class PopulationRunner:
    """A population with the spikes that travel to it and from it."""

    cdef readonly Population population
    cdef list incoming, outgoing        # of InFlightSpikes
    cdef list observers                 # of ArrivalObserver, of its synapses
    cdef list modulated                 # of ArrivalObserver, of any synapses, that see its spikes too
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
        self.modulated = []
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
        for observer in self.modulated:
            with nogil:
                for k in range(population.fresh.n):
                    observer.on_modulator(population.fresh.time[k], population.fresh.unit[k])
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
        observers = [observer for s in synapses for observer in s.observers]
        for runner in self.runners:
            name = runner.population.name
            (<PopulationRunner> runner).modulated = [each for each in observers if each.modulator == name]

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
        self.now = self.origin = self.settled = 0.0
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
