# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Currents over time in pieces: constant, linear, or noise that is held; and sines, which have one piece.

The piece that holds `time` begins at or before it: a current changes before whatever else happens at that time.
"""

from libc.math cimport INFINITY, fmin, fmod, sin
from libc.stdint cimport int64_t

import numpy as np

from eventsim.kernels.draws cimport normal_at


cdef double TURN = 2.0 * np.pi


cdef class CurrentSource:
    """A current into the units of a population."""

    cdef double until(self, int64_t k) noexcept nogil:
        return INFINITY

    cdef double value(self, int unit, int64_t k, double time, double level) noexcept nogil:
        return 0.0

    cdef double slope(self, int unit, int64_t k) noexcept nogil:
        return 0.0

    cdef double next_level(self, int unit, int64_t k, double level) noexcept nogil:
        return 0.0

    cdef double mean(self, int unit, double start, double end, int64_t *k, double *level) noexcept nogil:
        cdef double t = start, stop = self.until(k[0]), total = 0.0
        if stop > end:
            return self.value(unit, k[0], 0.5 * (start + end), level[0])
        while True:
            stop = fmin(self.until(k[0]), end)
            if stop > t:
                total += self.value(unit, k[0], 0.5 * (t + stop), level[0]) * (stop - t)
                t = stop
            if self.until(k[0]) > end:
                return total / (end - start)
            k[0] += 1
            level[0] = self.next_level(unit, k[0], level[0])

    def first_levels(self, int n):
        """Return what the units hold in their first piece, shape (n,)."""
        cdef int unit
        return np.array([self.next_level(unit, 0, 0.0) for unit in range(n)], float)


cdef class Pieces(CurrentSource):
    """A current that is constant or linear in pieces.

    Parameters
    ----------
    start : ndarray, shape (n_pieces,)
        From 0.
    at_start, ramp : ndarray, shape (1 or n, n_pieces)
        Current at the start of a piece, and its slope.
    period : float
        After which the pieces come again; inf for never.
    """

    def __init__(self, start, at_start, ramp, double period):
        self.start = np.array(start, float)
        self.at_start = np.array(at_start, float, order="C")
        self.ramp = np.array(ramp, float, order="C")
        self.period = period
        self.stride = int(self.at_start.shape[0] > 1)

    cdef double begin(self, int64_t k) noexcept nogil:
        cdef int64_t n = self.start.shape[0], cycle = k // n
        return self.start[k] if cycle == 0 else cycle * self.period + self.start[k - cycle * n]

    cdef double until(self, int64_t k) noexcept nogil:
        if self.period == INFINITY and k + 1 >= self.start.shape[0]:
            return INFINITY
        return self.begin(k + 1)

    cdef double value(self, int unit, int64_t k, double time, double level) noexcept nogil:
        cdef int64_t piece = k % self.start.shape[0]
        cdef double ramp = self.ramp[unit * self.stride, piece]
        cdef double value = self.at_start[unit * self.stride, piece]
        return value + ramp * (time - self.begin(k)) if ramp != 0.0 else value

    cdef double slope(self, int unit, int64_t k) noexcept nogil:
        return self.ramp[unit * self.stride, k % self.start.shape[0]]


cdef class HeldNoise(CurrentSource):
    """Filtered normal noise, exact at multiples of a step and held between.

    Parameters
    ----------
    mean, deviation, keep : ndarray, shape (1 or n,)
        Of the stationary noise; and what remains of its deviation a step later.
    key : ndarray, shape (n,), uint64
    step : float
    """

    def __init__(self, mean, deviation, keep, key, double step):
        n = max(len(mean), len(deviation), len(keep))
        self.mean, self.deviation, self.keep = [
            np.array(np.broadcast_to(each, n), float) for each in (mean, deviation, keep)]
        self.kick = np.asarray(self.deviation) * np.sqrt(1.0 - np.square(self.keep))
        self.key = np.array(key, np.uint64)
        self.step = step
        self.stride = int(n > 1)

    cdef double until(self, int64_t k) noexcept nogil:
        return (k + 1) * self.step

    cdef double value(self, int unit, int64_t k, double time, double level) noexcept nogil:
        return self.mean[unit * self.stride] + level

    cdef double next_level(self, int unit, int64_t k, double level) noexcept nogil:
        cdef int row = unit * self.stride
        if k == 0:
            return self.deviation[row] * normal_at(self.key[unit], 0)
        return self.keep[row] * level + self.kick[row] * normal_at(self.key[unit], <unsigned long long> k)


cdef class Sine(CurrentSource):
    """amplitude sin(omega t + phase), each of shape (n,)."""

    def __init__(self, amplitude, omega, phase):
        self.is_sine = True
        self.amplitude, self.omega, self.phase = [np.array(each, float) for each in (amplitude, omega, phase)]

    cdef double value(self, int unit, int64_t k, double time, double level) noexcept nogil:
        return self.amplitude[unit] * sin(fmod(self.omega[unit] * time, TURN) + self.phase[unit])

    cdef double mean(self, int unit, double start, double end, int64_t *k, double *level) noexcept nogil:
        cdef double half = 0.5 * self.omega[unit] * (end - start)
        return self.value(unit, 0, 0.5 * (start + end), 0.0) * (sin(half) / half)

    @property
    def shortest_period(self):
        """The period of the fastest sine; inf without units."""
        return TURN / np.max(self.omega, initial=0.0) if len(self.omega) else INFINITY
