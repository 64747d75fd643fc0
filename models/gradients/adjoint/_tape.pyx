# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The tape of the general adjoint pass: spikes, and one record for each event of each unit.

After a record of a unit with `dim` variables and P parameters follow, all row by row,

    Phi = dx-/dx(before)     (dim, dim)      psi = dx-/dp          (dim, P)
    A = dx+/dx-              (dim, dim)      B = dx+/dp            (dim, P)
    h                        (dim,)          gamma                 (P,)
    c                        (dim,)

with x- and x+ the state before and after the event. h is dx+/dw of an arrival, and grad g / (dg/dt) of a spike; gamma
is (dg/dp) / (dg/dt) of a spike; c = A f(x-) - f(x+), by how much x+ moves with the time of the event. Of a reading of
the membrane, h and gamma are dv/dx and dv/dp.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

import numpy as np


cdef enum:
    MOST_KEPT = 16          # buffers that wait for the next tapes
    LARGEST_KEPT = 524288   # doubles of one

# Fresh memory costs more than the events that are written to it: a page fault for each 4096 bytes. Used with the GIL.
cdef double *kept_memory[MOST_KEPT]
cdef Py_ssize_t kept_room[MOST_KEPT]
cdef int n_kept = 0


cdef class EventTape:
    """Events of some samples.

    Parameters
    ----------
    n_samples, n_populations, n_units
    until : float
    width : float
        Of a window; `n_windows` of them make the run.
    n_probes : int
        Membranes that are read in each sample.
    """

    def __init__(self, int n_samples, int n_populations, int n_units, double until, double width, int n_windows,
                 Py_ssize_t n_probes=0):
        if n_samples * n_probes >= 2**31:
            raise ValueError(
                f"at most {2**31 - 1} membranes are read in {n_samples} samples, got {n_samples * n_probes}: read them "
                "at fewer times")
        self.n_probes = n_probes
        self.readings = self.reading = np.full(n_samples * n_probes, np.nan)
        self.reading_errors = self.reading_error = np.zeros(n_samples * n_probes)
        self.n_samples, self.n_populations, self.n_units = n_samples, n_populations, n_units
        self.until, self.width, self.n_windows = until, width, n_windows
        self.starts = np.zeros((n_samples, n_populations + 1), np.int64)
        self.last = np.full((n_samples, max(n_units, 1)), -1, np.int64)
        global n_kept
        if self.memory == NULL and n_kept > 0:
            n_kept -= 1
            self.memory, self.room = kept_memory[n_kept], kept_room[n_kept]

    def __dealloc__(self):
        free(self.spike)
        free(self.error)
        global n_kept
        if self.memory != NULL and n_kept < MOST_KEPT and self.room <= LARGEST_KEPT:
            kept_memory[n_kept], kept_room[n_kept] = self.memory, self.room
            n_kept += 1
        else:
            free(self.memory)

    @property
    def nbytes(self):
        """Memory that spikes and records take."""
        return self.n_spikes * (sizeof(Spike) + sizeof(double)) + self.used * sizeof(double)

    cdef int add_spikes(self, const Spike *spikes, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t room
        cdef void *memory
        if self.n_spikes + n > self.spike_room:
            room = 2 * self.spike_room + n + 256
            memory = realloc(self.spike, room * sizeof(Spike))
            if memory == NULL:
                with gil:
                    raise MemoryError("no memory left for the spikes of a forward pass")
            self.spike = <Spike *> memory
            self.spike_room = room
        if n:
            memcpy(self.spike + self.n_spikes, spikes, n * sizeof(Spike))
        self.n_spikes += n
        return 0

    cdef double *reserve(self, Py_ssize_t n) except NULL nogil:
        """Return room for `n` doubles; those before may move."""
        cdef Py_ssize_t room
        cdef void *memory
        if self.used + n > self.room:
            room = 2 * self.room + n + 4096
            memory = realloc(self.memory, room * sizeof(double))
            if memory == NULL:
                with gil:
                    raise MemoryError("no memory left for the events of a forward pass")
            self.memory = <double *> memory
            self.room = room
        return self.memory + self.used

    def spikes(self, int population, int sample):
        """Return the times and units of the spikes of a population in one sample, sorted."""
        cdef Py_ssize_t k, low = self.starts[sample, population], n = self.starts[sample, population + 1] - low
        times, units = np.empty(n), np.empty(n, np.int64)
        cdef double[::1] time = times
        cdef int64_t[::1] unit = units
        for k in range(n):
            time[k] = self.spike[low + k].time
            unit[k] = self.spike[low + k].unit
        return times, units

    def slopes(self, int population, int sample):
        """Return 1 / (dg/dt) of the same spikes."""
        cdef Py_ssize_t k, low = self.starts[sample, population], n = self.starts[sample, population + 1] - low
        found = np.empty(n)
        cdef double[::1] slope = found
        for k in range(n):
            slope[k] = self.spike[low + k].slope_inverse
        return found

    def errors(self, int population, int sample):
        """Return dL/dT of the same spikes."""
        cdef Py_ssize_t k, low = self.starts[sample, population], n = self.starts[sample, population + 1] - low
        found = np.zeros(n)
        cdef double[::1] error = found
        if self.error != NULL:
            for k in range(n):
                error[k] = self.error[self.spike[low + k].id]
        return found

    def clear_errors(self):
        """Set the errors of all spikes to 0."""
        cdef void *memory
        if self.error == NULL:
            memory = realloc(NULL, (self.n_ids + 1) * sizeof(double))
            if memory == NULL:
                raise MemoryError("no memory left for the errors of spikes")
            self.error = <double *> memory
        memset(self.error, 0, (self.n_ids + 1) * sizeof(double))

    def add_errors(self, int population, int sample, const double[::1] errors):
        """Add to the errors of the spikes of a population in one sample."""
        cdef Py_ssize_t k, low = self.starts[sample, population]
        for k in range(errors.shape[0]):
            self.error[self.spike[low + k].id] += errors[k]

    def first_spikes(self, int population, double[:, ::1] times):
        """Put the first spike of each unit into `times`, (n_samples, n), which is inf before."""
        cdef int s
        cdef Py_ssize_t k
        for s in range(self.n_samples):
            for k in range(self.starts[s, population + 1] - 1, self.starts[s, population] - 1, -1):
                times[s, self.spike[k].unit] = self.spike[k].time

    def count_spikes(self, int population, int64_t[:, ::1] counts):
        """Add the number of spikes of each unit to `counts`, (n_samples, n)."""
        cdef int s
        cdef Py_ssize_t k
        for s in range(self.n_samples):
            for k in range(self.starts[s, population], self.starts[s, population + 1]):
                counts[s, self.spike[k].unit] += 1

    def add_first_errors(self, int population, const double[:, ::1] errors):
        """Add to the errors of first spikes, (n_samples, n)."""
        cdef int s
        cdef Py_ssize_t k
        seen = np.empty(errors.shape[1] + 1, np.int32)
        cdef int32_t[::1] last = seen
        for s in range(self.n_samples):
            last[:] = 0
            for k in range(self.starts[s, population], self.starts[s, population + 1]):
                if last[self.spike[k].unit] == 0:
                    last[self.spike[k].unit] = 1
                    self.error[self.spike[k].id] += errors[s, self.spike[k].unit]

    def first_errors(self, int population, double[:, ::1] errors):
        """Put the errors of first spikes into `errors`, (n_samples, n), which is 0 before."""
        cdef int s
        cdef Py_ssize_t k
        for s in range(self.n_samples):
            for k in range(self.starts[s, population + 1] - 1, self.starts[s, population] - 1, -1):
                errors[s, self.spike[k].unit] = self.error[self.spike[k].id]
