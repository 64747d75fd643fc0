# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Spike sources: from arrays, at regular times, and Poisson processes.

A Poisson unit has a random stream of its own, a counter that is hashed (splitmix64), so its k-th
interval depends on the seed, the population's name and the unit alone: not on the schedule, on
slices of a run, or on other units.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint64_t

import numpy as np

from eventsim.errors import ConfigError
from eventsim.states import LATEST, state_array, state_arrays, state_number, state_times

from eventsim.engine cimport Engine, Event
from eventsim.population cimport Arrival, Population, PrivateSource
from eventsim.population.recorder cimport SpikeLog

cdef extern from "eventsim/kernels/sums.h" nogil:
    void intervals "eventsim_intervals"(uint64_t key, uint64_t count, Py_ssize_t n, double *out)


cdef enum:
    AHEAD = 16  # intervals drawn at a time


cdef class ArrayPopulation(Population):
    """Spikes at given times."""

    def __init__(self, int n, str name, times, units):
        super().__init__(n, name)
        self.is_source = True
        self.waiting = INFINITY
        self.set_future(np.asarray(times, float), np.asarray(units))

    def set_future(self, times, units):
        """Replace all spikes to come."""
        order = np.lexsort((units, times))
        self.times = np.ascontiguousarray(times[order], float)
        self.units = np.ascontiguousarray(units[order], np.int32)
        self.cursor = 0

    def add(self, times, units):
        """Add spikes, none before the present."""
        self.set_future(
            np.concatenate([np.asarray(self.times)[self.cursor:], times]),
            np.concatenate([np.asarray(self.units)[self.cursor:], units]),
        )

    def expected(self, double start, double end):
        """Return how many spikes come in [start, end)."""
        times = np.asarray(self.times)[self.cursor:]
        return int(np.searchsorted(times, end) - np.searchsorted(times, start))

    def snapshot(self):
        """Return the spikes to come as a dictionary of arrays."""
        return {
            "times": np.array(self.times[self.cursor:]),
            "units": np.array(self.units[self.cursor:]),
            "waiting": self.waiting,
        }

    def check_state(self, state, time=None, crossings=None):
        """Return the spikes to come, or raise ValueError if this source cannot have them; nothing changes."""
        times = state_array(state, "times", float, None, time, of=self.name)
        return {
            "times": times,
            "units": state_array(state, "units", np.int64, times.shape, 0, self.n, of=self.name),
            "waiting": state_number(state, "waiting", float, of=self.name),
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.set_future(state["times"], state["units"])
        self.waiting = state["waiting"]

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.times, self.units, self.waiting = state["times"], state["units"], state["waiting"]
        self.cursor = 0

    cdef int begin(self, Engine engine) except -1:
        """Queue an event for the next spike unless one waits that is early enough."""
        cdef double next = self.times[self.cursor] if self.cursor < self.times.shape[0] else INFINITY
        if next < self.waiting:
            engine.push(next, self.id, 0, 0.0, 0)
            self.waiting = next
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef double time = event.time
        if time != self.waiting:
            return 0  # spikes were added before this event; the earlier one went on with the list
        while self.cursor < self.times.shape[0] and self.times[self.cursor] <= time:
            self.cursor += 1
            self.emit(engine, time, self.units[self.cursor - 1])
        self.waiting = INFINITY
        if self.cursor < self.times.shape[0]:
            self.waiting = self.times[self.cursor]
            engine.push(self.waiting, self.id, 0, 0.0, 0)
        return 0

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        while self.cursor < self.times.shape[0] and self.times[self.cursor] < end:
            self.fresh.append(self.times[self.cursor], self.units[self.cursor])
            self.cursor += 1
        return 0

    cdef int save(self) except -1:
        self.saved_cursor = self.cursor
        return 0

    cdef int rollback(self) except -1:
        self.cursor = self.saved_cursor
        return 0


cdef class RegularPopulation(Population):
    """The k-th spike of a unit at phase + k * period, not summed up."""

    def __init__(self, int n, str name, period, phase):
        super().__init__(n, name)
        self.is_source = True
        self.period = np.array(np.broadcast_to(period, n), float)
        self.phase = np.array(np.broadcast_to(phase, n), float)
        self.count = np.zeros(n, np.longlong)

    def expected(self, double start, double end):
        """Return about how many spikes come in [start, end)."""
        return float(np.sum((end - start) / np.asarray(self.period)))

    def snapshot(self):
        """Return the number of each unit's next spike."""
        return {"count": np.array(self.count)}

    def check_state(self, state, time=None, crossings=None):
        """Return the numbers, or raise ValueError if other spikes would come next at `time`; nothing changes."""
        count = state_array(state, "count", np.longlong, (self.n,), 0, LATEST, of=self.name)
        if time is not None:
            phase, period = np.asarray(self.phase), np.asarray(self.period)
            early, late = phase + count * period < time, (count > 0) & (phase + (count - 1) * period > time)
            if (early | late).any():
                unit = int(np.argmax(early | late))
                raise ValueError(
                    f"'count' in the state of {self.name} has {count[unit]} spikes of unit {unit} before {time!r}")
        return {"count": count}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.count = self.check_state(state)["count"]

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.count = state["count"].copy()

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            engine.push(self.phase[unit] + self.count[unit] * self.period[unit], self.id, unit, 0.0, 0)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef int unit = event.unit
        cdef double time = event.time
        self.count[unit] += 1
        engine.push(self.phase[unit] + self.count[unit] * self.period[unit], self.id, unit, 0.0, 0)
        return self.emit(engine, time, unit)

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        cdef int unit
        cdef double time
        for unit in range(self.n):
            while True:
                time = self.phase[unit] + self.count[unit] * self.period[unit]
                if time >= end:
                    break
                self.fresh.append(time, unit)
                self.count[unit] += 1
        return 0

    cdef int save(self) except -1:
        self.saved_count = self.count.copy()
        return 0

    cdef int rollback(self) except -1:
        self.count = self.saved_count.copy()
        return 0


cdef class PoissonPopulation(PrivateSource):
    """Poisson processes with exactly exponential intervals."""

    def __init__(self, int n, str name, mean, key, double seconds=1.0):
        super().__init__(n, name)
        self.is_source = True
        self.seconds = seconds
        self.mean = np.array(np.broadcast_to(mean, n), float)
        self.key = np.ascontiguousarray(key, np.uint64)
        self.drawn = np.zeros(n, np.uint64)
        self.ahead = np.zeros((n, AHEAD))
        self.position = np.full(n, AHEAD, np.int32)
        cdef int unit
        for unit in range(n):
            self.refill(unit)

    def expected(self, double start, double end):
        """Return how many spikes come in [start, end) on average."""
        return float(np.sum((end - start) / np.asarray(self.mean)))

    def snapshot(self):
        """Return where each unit's stream stands, as a dictionary of arrays."""
        state = {"drawn": np.array(self.drawn), "ahead": np.array(self.ahead), "position": np.array(self.position)}
        return state if self.frozen is None else state | {"frozen": np.array(self.frozen)}

    def check_state(self, state, time=None, crossings=None):
        """Return the streams, or raise ValueError if other spikes would come next at `time`; nothing changes."""
        like = {"drawn": np.asarray(self.drawn), "ahead": np.asarray(self.ahead), "position": np.asarray(self.position)}
        bounds = {"drawn": (AHEAD, LATEST), "ahead": (0.0, None), "position": (0, AHEAD)}
        found = state_arrays(state, like, bounds, of=self.name)
        if "frozen" in state:
            found["frozen"] = state_array(state, "frozen", float, like["ahead"].shape, 0.0, np.inf, of=self.name)
        ahead, position = found["ahead"], found["position"]
        if (ahead[:, 1:] < ahead[:, :-1]).any():
            raise ValueError(f"'ahead' in the state of {self.name} must rise from spike to spike")
        row = np.arange(self.n)
        if time is not None:
            # A private source is drawn until its spikes arrive after `time`.
            next, before = ahead[row, position] + self.lead, ahead[row, position - 1] + self.lead
            wrong = (next < time) | ((position > 0) & (before > time))
            if wrong.any():
                unit = int(np.argmax(wrong))
                raise ValueError(f"'position' in the state of {self.name} makes {float(next[unit])!r} the first spike of "
                                 f"unit {unit} after {time!r}")
        if crossings is not None:
            state_times({"position": ahead[row, position]}, "position", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put_back(self.check_state(state))

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.put_back({name: array.copy() for name, array in state.items()})

    cdef int put_back(self, dict state) except -1:
        self.drawn, self.ahead, self.position = state["drawn"], state["ahead"], state["position"]
        self.frozen = state.get("frozen")
        return 0

    cdef int save(self) except -1:
        self.saved = self.snapshot()
        return 0

    cdef int rollback(self) except -1:
        self.put_back(self.saved)
        return 0

    cdef int refill(self, int unit) except -1 nogil:
        """Draw the next AHEAD intervals of a unit."""
        cdef double *ahead = &self.ahead[unit, 0]
        cdef double time = ahead[AHEAD - 1]
        cdef double mean = self.mean[unit]
        cdef uint64_t key = self.key[unit], count = self.drawn[unit]
        cdef int k
        intervals(key, count, AHEAD, ahead)
        for k in range(AHEAD):
            time += mean * ahead[k]
            ahead[k] = time
        self.drawn[unit] = count + AHEAD
        self.position[unit] = 0
        return 0

    def set_parameters(self, parameters, Engine engine=None, time=None):
        """Let the units have other rates from `time` on.

        What is left of an interval is stretched by the ratio of the rates, which is exact, as it is exponential. Units
        whose rate stays keep their bits.

        Parameters
        ----------
        parameters : mapping with "rate", a float or ndarray, shape (n,)
        engine : Engine, optional
            That waits for the spikes; None on the other schedules.
        time : float, optional
            The present; None leaves the state alone, which is restored next.

        Raises
        ------
        ConfigError
            If more spikes are under way to the targets than are drawn ahead.
        """
        cdef double now, old, new, left
        cdef int unit, k
        cdef double[::1] before = self.mean
        cdef double[:, ::1] frozen
        with np.errstate(divide="ignore"):
            mean = np.array(np.broadcast_to(1.0 / (np.asarray(parameters["rate"]) * self.seconds), self.n), float)
        if time is None:
            self.mean = mean
            return
        now = time
        changed = np.flatnonzero(mean != np.asarray(before))
        for unit in changed:
            if self.ahead[unit, AHEAD - 1] < now:
                self.draw_further(unit)
            if self.ahead[unit, AHEAD - 1] < now:
                raise ConfigError(
                    f"too many spikes of {self.name!r} are under way to change its rate on the windows schedule; record "
                    "its spikes, or create the simulation with schedule='ordered'")
        self.mean = mean
        if self.frozen is None and (np.isinf(mean[changed]).any() or np.isinf(np.asarray(before)[changed]).any()):
            self.frozen = self.first_intervals()
        frozen = self.frozen
        for unit in changed:
            old, new = before[unit], self.mean[unit]
            for k in range(self.position[unit], AHEAD):
                if self.ahead[unit, k] < now:
                    continue
                if new == INFINITY:
                    frozen[unit, k] = (self.ahead[unit, k] - now) / old
                    self.ahead[unit, k] = INFINITY
                else:
                    left = frozen[unit, k] * new if old == INFINITY else (self.ahead[unit, k] - now) * (new / old)
                    self.ahead[unit, k] = now + left
            if engine is not None:
                engine.predict(self.first_slot + unit, self.ahead[unit, self.position[unit]])

    cdef object first_intervals(self):
        """Return when the first spikes of a Poisson process with mean 1 come, which units that never fired wait for."""
        cdef double[:, ::1] found = np.zeros((self.n, AHEAD))
        cdef int unit
        for unit in range(self.n):
            intervals(self.key[unit], 0, AHEAD, &found[unit, 0])
        return np.cumsum(found, axis=1)

    cdef int draw_further(self, int unit) except -1:
        """Drop the spikes of a unit that have been emitted, and draw as many new ones."""
        cdef int k, gone = self.position[unit]
        cdef double[::1] fresh = np.empty(AHEAD)
        if gone == 0:
            return 0
        for k in range(gone, AHEAD):
            self.ahead[unit, k - gone] = self.ahead[unit, k]
        intervals(self.key[unit], self.drawn[unit], gone, &fresh[0])
        for k in range(gone):
            self.ahead[unit, AHEAD - gone + k] = self.ahead[unit, AHEAD - gone + k - 1] + self.mean[unit] * fresh[k]
        self.drawn[unit] += gone
        self.position[unit] = 0
        return 0

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            engine.predict(self.first_slot + unit, self.ahead[unit, self.position[unit]])
        return 0

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        self.position[unit] += 1
        if self.position[unit] == AHEAD:
            self.refill(unit)
        engine.predict(self.first_slot + unit, self.ahead[unit, self.position[unit]])
        return self.emit(engine, time, unit)

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        cdef int unit
        cdef double time
        for unit in range(self.n):
            while True:
                time = self.ahead[unit, self.position[unit]]
                if time >= end:
                    break
                self.fresh.append(time, unit)
                self.position[unit] += 1
                if self.position[unit] == AHEAD:
                    self.refill(unit)
        return 0

    cdef int draw(self, int first, int last, double end, double delay, SpikeLog drawn) except -1 nogil:
        cdef int unit, position
        cdef double *ahead
        cdef double time
        cdef Py_ssize_t n = drawn.n
        for unit in range(first, last):
            position = self.position[unit]
            ahead = &self.ahead[unit, 0]
            while True:
                time = ahead[position] + delay
                if time >= end:
                    break
                if n == drawn.capacity:
                    drawn.grow()
                drawn.time[n] = time
                drawn.unit[n] = unit
                n += 1
                position += 1
                if position == AHEAD:
                    self.refill(unit)
                    position = 0
            self.position[unit] = position
        drawn.n = n
        return 0
