# cython: boundscheck=False, wraparound=False
"""Growing columns of what a run leaves behind, filled without the GIL.

A column doubles when it is full, and is emptied by whoever moves its content into a file.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs
from libc.stdint cimport int32_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy

import numpy as np

from eventsim.errors import EventOrderError

from eventsim.kernels.memory cimport resized


cdef const char *SPIKES = b"spikes; stream them into a file instead"
cdef const char *SAMPLES = b"samples; record fewer units or less often"


cdef struct Spike:
    double time
    int32_t unit


cdef int by_time(const void *a, const void *b) noexcept nogil:
    cdef const Spike *x = <const Spike *> a
    cdef const Spike *y = <const Spike *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return x.unit - y.unit


cdef enum:
    WATCHED = 1 << 16   # spikes between two looks at signals, and at whether time advances
    MOST_AT_ONCE = 1 << 12  # spikes of one unit among them, at one time


cdef int look(SpikeLog log) except -1 with gil:
    """Let signals in, and stop a unit that spikes for ever without its time advancing."""
    cdef Py_ssize_t k, n = 0
    cdef double time = log.time[log.n - 1]
    cdef int unit = log.unit[log.n - 1]
    PyErr_CheckSignals()
    for k in range(log.n - WATCHED, log.n):
        n += log.unit[k] == unit and fabs(log.time[k] - time) <= 1e-12 * fabs(time) + 1e-15
    if n >= MOST_AT_ONCE:
        raise EventOrderError(
            f"unit {unit} spikes again and again at {time!r}: time does not advance; is a weight or a current "
            "far too large, or in another unit?"
        )
    return 0


cdef class SpikeLog:
    """Times and units of the spikes of one population, in the order they were emitted."""

    def __dealloc__(self):
        free(self.time)
        free(self.unit)

    def __len__(self):
        return self.n

    cdef int grow(self) except -1 nogil:
        cdef Py_ssize_t capacity = 2 * self.capacity if self.capacity else 256
        self.time = <double *> resized(self.time, capacity, sizeof(double), SPIKES)
        self.unit = <int32_t *> resized(self.unit, capacity, sizeof(int32_t), SPIKES)
        self.capacity = capacity
        return 0

    cdef int append(self, double time, int unit) except -1 nogil:
        if self.n == self.capacity:
            self.grow()
        self.time[self.n] = time
        self.unit[self.n] = unit
        self.n += 1
        if self.n & (WATCHED - 1) == 0:
            look(self)
        return 0

    cdef int sort(self) except -1 nogil:
        """Sort by (time, unit)."""
        cdef Py_ssize_t k
        cdef Spike *spikes
        for k in range(1, self.n):
            if self.time[k] < self.time[k - 1] or (self.time[k] == self.time[k - 1] and self.unit[k] < self.unit[k - 1]):
                break
        else:
            return 0
        spikes = <Spike *> resized(NULL, self.n, sizeof(Spike), SPIKES)
        for k in range(self.n):
            spikes[k].time = self.time[k]
            spikes[k].unit = self.unit[k]
        qsort(spikes, self.n, sizeof(Spike), &by_time)
        for k in range(self.n):
            self.time[k] = spikes[k].time
            self.unit[k] = spikes[k].unit
        free(spikes)
        return 0

    def arrays(self):
        """Return copies (times, units) sorted by (time, unit): float64 and int64, shape (n,)."""
        times = np.empty(self.n)
        units = np.empty(self.n, np.int32)
        cdef double[::1] t = times
        cdef int32_t[::1] u = units
        cdef Py_ssize_t k
        if self.n:
            memcpy(&t[0], self.time, self.n * sizeof(double))
            memcpy(&u[0], self.unit, self.n * sizeof(int32_t))
        # Spikes of one instant are out of order when one causes another without delay.
        for k in range(1, self.n):
            if t[k] < t[k - 1] or (t[k] == t[k - 1] and u[k] < u[k - 1]):
                order = np.lexsort((units, times))
                times, units = times[order], units[order]
                break
        return times, units.astype(np.int64)

    def count_at(self, double time):
        """Return how many of the latest spikes are at `time`."""
        cdef Py_ssize_t k = self.n
        while k and self.time[k - 1] == time:
            k -= 1
        return self.n - k

    def cut(self, double time, Py_ssize_t kept=0):
        """Forget the spikes after `time`, and those at `time` but for the first `kept`."""
        while self.n and self.time[self.n - 1] > time:
            self.n -= 1
        self.n -= max(self.count_at(time) - max(kept, 0), 0)

    def columns(self):
        """Return copies (times, units) in the order they were emitted."""
        times, units = np.empty(self.n), np.empty(self.n, np.int32)
        cdef double[::1] t = times
        cdef int32_t[::1] u = units
        if self.n:
            memcpy(&t[0], self.time, self.n * sizeof(double))
            memcpy(&u[0], self.unit, self.n * sizeof(int32_t))
        return times, units

    def fill(self, const double[::1] times, const int32_t[::1] units):
        """Forget all spikes, and hold those that `columns` returned."""
        cdef Py_ssize_t k
        self.n = 0
        for k in range(min(times.shape[0], units.shape[0])):
            if self.n == self.capacity:
                self.grow()
            self.time[k] = times[k]
            self.unit[k] = units[k]
            self.n += 1

    def clear(self):
        """Forget all spikes; the memory is kept for the next ones."""
        self.n = 0


cdef class SampleLog:
    """Sampled values: rows of `width` columns, or with width 0 (time, column, value) triples."""

    def __init__(self, int width):
        self.width = width

    def __dealloc__(self):
        free(self.time)
        free(self.value)
        free(self.column)

    def __len__(self):
        return self.n

    cdef int grow(self) except -1 nogil:
        cdef Py_ssize_t capacity = 2 * self.capacity if self.capacity else 64
        cdef Py_ssize_t width = self.width if self.width else 1
        self.time = <double *> resized(self.time, capacity, sizeof(double), SAMPLES)
        self.value = <double *> resized(self.value, capacity * width, sizeof(double), SAMPLES)
        self.column = <int32_t *> resized(self.column, capacity, sizeof(int32_t), SAMPLES)
        self.capacity = capacity
        return 0

    cdef double *row(self, double time) except NULL nogil:
        """Start a row at `time` and return where its values go."""
        if self.n == self.capacity:
            self.grow()
        self.time[self.n] = time
        self.n += 1
        return self.value + (self.n - 1) * self.width

    cdef int triple(self, double time, int column, double value) except -1 nogil:
        if self.n == self.capacity:
            self.grow()
        self.time[self.n] = time
        self.column[self.n] = column
        self.value[self.n] = value
        self.n += 1
        return 0

    def arrays(self):
        """Return copies: (times, values (n, width)), or for triples (times, columns, values)."""
        cdef Py_ssize_t width = self.width if self.width else 1
        times = np.empty(self.n)
        values = np.empty((self.n, width))
        columns = np.empty(self.n, np.int32)
        cdef double[::1] t = times
        cdef double[:, ::1] v = values
        cdef int32_t[::1] c = columns
        if self.n:
            memcpy(&t[0], self.time, self.n * sizeof(double))
            memcpy(&v[0, 0], self.value, self.n * width * sizeof(double))
            memcpy(&c[0], self.column, self.n * sizeof(int32_t))
        if self.width:
            return times, values
        return times, columns, values[:, 0]

    def count_at(self, double time):
        """Return how many of the latest rows, or triples, are at `time`."""
        cdef Py_ssize_t k = self.n
        while k and self.time[k - 1] == time:
            k -= 1
        return self.n - k

    def cut(self, double time, Py_ssize_t kept=0):
        """Forget what is after `time`, and what is at `time` but for the first `kept`."""
        while self.n and self.time[self.n - 1] > time:
            self.n -= 1
        self.n -= max(self.count_at(time) - max(kept, 0), 0)

    def columns(self):
        """Return copies (times, columns, values) of all rows or triples; columns are 0 in rows."""
        cdef Py_ssize_t width = self.width if self.width else 1
        times, columns = np.empty(self.n), np.zeros(self.n, np.int32)
        values = np.empty(self.n * width)
        cdef double[::1] t = times, v = values
        cdef int32_t[::1] c = columns
        if self.n:
            memcpy(&t[0], self.time, self.n * sizeof(double))
            memcpy(&v[0], self.value, self.n * width * sizeof(double))
            if not self.width:
                memcpy(&c[0], self.column, self.n * sizeof(int32_t))
        return times, columns, values

    def fill(self, const double[::1] times, const int32_t[::1] columns, const double[::1] values):
        """Forget all samples, and hold those that `columns` returned."""
        cdef Py_ssize_t k, i, width = self.width if self.width else 1
        if times.shape[0] != columns.shape[0] or times.shape[0] * width != values.shape[0]:
            raise ValueError(f"{times.shape[0]} times do not fit {values.shape[0]} values in rows of {width}")
        self.n = 0
        for k in range(times.shape[0]):
            if self.n == self.capacity:
                self.grow()
            self.time[k] = times[k]
            self.column[k] = columns[k]
            for i in range(width):
                self.value[k * width + i] = values[k * width + i]
            self.n += 1

    def clear(self):
        """Forget all samples; the memory is kept for the next ones."""
        self.n = 0
