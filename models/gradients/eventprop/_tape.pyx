# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The tape of EventProp: spikes of many samples in order, their errors, and sums of derivatives."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcpy

import numpy as np

from eventsim.models.gradients.eventprop._tape cimport SpikeRecord, MembraneMaximum, SpikeTrain

cdef enum:
    INSERTION = 48          # up to so many spikes, insertion is the fastest way to sort
    MOST_BY_KEY = 512       # spikes that are sorted by their keys, so that records move once
    MOST_KEPT = 16          # records of spikes that wait for the next tapes
    LARGEST_KEPT = 65536    # spikes of one
    MOST_SPARE = 4096       # spikes for which there is room and no need, beside as many as there are

# Fresh memory costs more than the spikes that are written to it: a page fault for each 4096 bytes. Used with the GIL.
cdef SpikeRecord *kept_record[MOST_KEPT]
cdef Py_ssize_t kept_capacity[MOST_KEPT]
cdef int n_kept = 0


cdef struct Key:
    double time
    int32_t unit, place


cdef int by_time_and_unit(const void *a, const void *b) noexcept nogil:
    cdef const SpikeRecord *x = <const SpikeRecord *> a
    cdef const SpikeRecord *y = <const SpikeRecord *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return x.unit - y.unit


cdef void sort_spikes(SpikeRecord *a, Py_ssize_t n) noexcept nogil:
    """Sort spikes, which are few or nearly in order; where many have far to go, the library sorts the rest."""
    cdef Py_ssize_t k, hole, first = 1, left = INSERTION * n
    cdef Key key[MOST_BY_KEY]
    cdef SpikeRecord record[MOST_BY_KEY]
    cdef Key one
    while first < n and by_time_and_unit(&a[first - 1], &a[first]) <= 0:
        first += 1
    if first >= n:
        return
    if n > MOST_BY_KEY:
        sort_many(a, n, first)
        return
    for k in range(n):
        key[k].time, key[k].unit, key[k].place = a[k].time, a[k].unit, <int32_t> k
    for k in range(first, n):
        one = key[k]
        hole = k
        while hole > 0 and (key[hole - 1].time > one.time
                            or (key[hole - 1].time == one.time and key[hole - 1].unit > one.unit)):
            key[hole] = key[hole - 1]
            hole -= 1
        key[hole] = one
        left -= k - hole
        if left < 0:
            qsort(a, n, sizeof(SpikeRecord), &by_time_and_unit)
            return
    memcpy(record, a, n * sizeof(SpikeRecord))
    for k in range(n):
        if key[k].place != k:
            a[k] = record[key[k].place]


cdef void sort_many(SpikeRecord *a, Py_ssize_t n, Py_ssize_t first) noexcept nogil:
    """Sort spikes of which those before `first` are in order."""
    cdef Py_ssize_t k, hole, left = INSERTION * n
    cdef SpikeRecord one
    for k in range(first, n):
        if by_time_and_unit(&a[k - 1], &a[k]) <= 0:
            continue
        if left <= 0:
            qsort(a, n, sizeof(SpikeRecord), &by_time_and_unit)
            return
        one = a[k]
        hole = k
        while hole > 0 and by_time_and_unit(&a[hole - 1], &one) > 0:
            a[hole] = a[hole - 1]
            hole -= 1
        a[hole] = one
        left -= k - hole


cdef int grow_train(SpikeTrain *train, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t room = 2 * train.capacity + n + 63
    cdef void *memory = realloc(train.record, room * sizeof(SpikeRecord))
    if memory == NULL:
        return NO_MEMORY
    train.record = <SpikeRecord *> memory
    train.capacity = room
    return 0


cdef class Tape:
    """Spikes of all populations in some samples, with what the adjoint pass needs of each."""

    def __cinit__(self, int n_samples, int n_populations, double until, double width, long long n_windows,
                  double bin_width):
        self.n_samples, self.n_populations = n_samples, n_populations
        self.until, self.width, self.n_windows, self.bin_width = until, width, n_windows, bin_width
        self.start = np.zeros(n_samples * n_populations + 1, np.int64)
        self.error = np.zeros(0)
        self.reserve_maxima(0)
        global n_kept
        if n_kept > 0:
            n_kept -= 1
            self.all.record, self.all.capacity = kept_record[n_kept], kept_capacity[n_kept]

    def __dealloc__(self):
        global n_kept
        if self.all.record != NULL and n_kept < MOST_KEPT and self.all.capacity <= LARGEST_KEPT:
            kept_record[n_kept], kept_capacity[n_kept] = self.all.record, self.all.capacity
            n_kept += 1
        else:
            free(self.all.record)

    cdef reserve_maxima(self, int n):
        """Make room for the membrane maxima of n units."""
        self.maximum = np.zeros((self.n_samples, n * (sizeof(MembraneMaximum) // sizeof(double))))
        self.maximum_error = np.zeros((self.n_samples, n))

    cdef void shrink(self) noexcept nogil:
        """Give back memory that no spike needs, if it is much."""
        cdef void *memory
        if self.all.capacity <= 2 * self.all.n + MOST_SPARE:
            return
        memory = realloc(self.all.record, (self.all.n if self.all.n else 1) * sizeof(SpikeRecord))
        if memory != NULL:
            self.all.record = <SpikeRecord *> memory
            self.all.capacity = self.all.n

    @property
    def nbytes(self):
        """Memory of the spikes and the membrane maxima."""
        return self.all.n * sizeof(SpikeRecord) + self.error.nbytes + self.maximum.nbytes + self.maximum_error.nbytes

    @property
    def starts(self):
        """Where the spikes of a population in a sample begin, shape (n_samples * n_populations + 1,)."""
        return np.asarray(self.start)

    @property
    def errors(self):
        """dL/dT of all spikes, a view; made by `clear_errors`."""
        return np.asarray(self.error)

    def clear_errors(self):
        """Set dL/dT of all spikes, and dL/dv of all membrane maxima, to 0."""
        self.maximum_error[:] = 0.0
        if self.error.shape[0] == self.all.n:
            self.errors[:] = 0.0
        else:
            self.error = np.zeros(self.all.n)

    def spikes(self, int population, int sample):
        """Return (times, units) of a population in a sample."""
        cdef Py_ssize_t k, at = self.start[sample * self.n_populations + population]
        cdef Py_ssize_t n = self.start[sample * self.n_populations + population + 1] - at
        times, units = np.empty(n), np.empty(n, np.int64)
        cdef double[::1] t = times
        cdef int64_t[::1] u = units
        for k in range(n):
            t[k] = self.all.record[at + k].time
            u[k] = self.all.record[at + k].unit
        return times, units

    def slopes(self, int population, int sample):
        """Return 1 / v' at the spikes of a population in a sample."""
        cdef Py_ssize_t k, at = self.start[sample * self.n_populations + population]
        cdef Py_ssize_t n = self.start[sample * self.n_populations + population + 1] - at
        out = np.empty(n)
        cdef double[::1] view = out
        for k in range(n):
            view[k] = self.all.record[at + k].inverse
        return out

    def first_spikes(self, int population, double[:, ::1] times):
        """Write the first spike of each unit, or leave what is there, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population + 1] - 1,
                           self.start[s * self.n_populations + population] - 1, -1):
                times[s, self.all.record[k].unit] = self.all.record[k].time

    def count_spikes(self, int population, int64_t[:, ::1] counts):
        """Add the number of spikes of each unit to `counts`, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                counts[s, self.all.record[k].unit] += 1

    def maxima(self, int first, double[:, ::1] values, double[:, ::1] times):
        """Write the membrane maxima of a population and their times, shape (n_samples, n)."""
        cdef const MembraneMaximum *maximum
        cdef int s, unit
        for s in range(values.shape[0]):
            for unit in range(values.shape[1]):
                maximum = <const MembraneMaximum *> &self.maximum[s, 0] + first + unit
                values[s, unit], times[s, unit] = maximum.value, maximum.time

    def add_maximum_errors(self, int first, const double[:, ::1] errors):
        """Add the derivatives of the loss in the membrane maxima of a population, shape (n_samples, n)."""
        cdef int s, unit
        for s in range(errors.shape[0]):
            for unit in range(errors.shape[1]):
                self.maximum_error[s, first + unit] += errors[s, unit]

    def add_first_errors(self, int population, const double[:, ::1] errors):
        """Add dL/dT of first spikes, shape (n_samples, n); what is given for silent units is left out."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.record[k].before < 0:
                    self.error[k] += errors[s, self.all.record[k].unit]

    def first_errors(self, int population, double[:, ::1] errors):
        """Write dL/dT of the first spike of each unit, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.record[k].before < 0:
                    errors[s, self.all.record[k].unit] = self.error[k]


cdef class Gradients:
    """Sums over samples: of synapses `weights` and `delays` (n,); `units` (n, 3), tau_mem, tau_syn, v_th.

    In a vectorised population, the first synapse of a row holds the sum over the delays of the row.
    """

    def __cinit__(self, Py_ssize_t n_synapses, Py_ssize_t n_units):
        self.weights, self.delays = np.zeros(n_synapses), np.zeros(n_synapses)
        self.units = np.zeros((n_units, 3))
        cdef double[::1] view
        cdef double[:, ::1] table
        if n_synapses:
            view = self.weights
            self.weight = &view[0]
            view = self.delays
            self.delay = &view[0]
        if n_units:
            table = self.units
            self.unit = &table[0, 0]

    def clear(self):
        """Set all sums to 0."""
        for part in (self.weights, self.delays, self.units):
            part[:] = 0.0

    def add(self, Gradients other not None):
        """Add other sums to these."""
        self.weights += other.weights
        self.delays += other.delays
        self.units += other.units

    def finite(self):
        """Return whether all sums are numbers."""
        return all(np.isfinite(part).all() for part in (self.weights, self.delays, self.units))
