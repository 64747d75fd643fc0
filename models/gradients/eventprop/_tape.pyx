# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The tape of the gradient walk: spikes of many samples in order, their errors, and sums of derivatives."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, qsort, realloc

import numpy as np

from eventsim.models.gradients.eventprop._tape cimport Mark, Top, Train

cdef int INSERTION = 48     # up to so many spikes, insertion is the fastest way to sort


cdef int by_time_and_unit(const void *a, const void *b) noexcept nogil:
    cdef const Mark *x = <const Mark *> a
    cdef const Mark *y = <const Mark *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return x.unit - y.unit


cdef void sort_marks(Mark *a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k, hole
    cdef Mark one
    if n > INSERTION:
        qsort(a, n, sizeof(Mark), &by_time_and_unit)
        return
    for k in range(1, n):
        one = a[k]
        hole = k
        while hole > 0 and by_time_and_unit(&a[hole - 1], &one) > 0:
            a[hole] = a[hole - 1]
            hole -= 1
        a[hole] = one


cdef int add_mark(Train *train, Mark *mark) noexcept nogil:
    cdef void *memory
    cdef Py_ssize_t room
    if train.n == train.room:
        room = 2 * train.room + 64
        memory = realloc(train.mark, room * sizeof(Mark))
        if memory == NULL:
            return NO_MEMORY
        train.mark = <Mark *> memory
        train.room = room
    train.mark[train.n] = mark[0]
    train.n += 1
    return 0


cdef class Tape:
    """Spikes of all populations in some samples, and what the walk back needs of them."""

    def __cinit__(self, int n_samples, int n_populations, double until, double width, long long n_windows,
                  double bin_width):
        self.n_samples, self.n_populations = n_samples, n_populations
        self.until, self.width, self.n_windows, self.bin = until, width, n_windows, bin_width
        self.start = np.zeros(n_samples * n_populations + 1, np.int64)
        self.error = np.zeros(0)
        self.make_tops(0)

    def __dealloc__(self):
        free(self.all.mark)

    cdef make_tops(self, int n):
        """Make room for the largest membranes of n units."""
        self.top = np.zeros((self.n_samples, n * (sizeof(Top) // sizeof(double))))
        self.top_error = np.zeros((self.n_samples, n))

    cdef void fit(self) noexcept nogil:
        """Give back memory that no spike needs."""
        cdef void *memory = realloc(self.all.mark, (self.all.n if self.all.n else 1) * sizeof(Mark))
        if memory != NULL:
            self.all.mark = <Mark *> memory
            self.all.room = self.all.n

    @property
    def nbytes(self):
        """Memory that the spikes and the largest membranes take."""
        return self.all.room * sizeof(Mark) + self.error.nbytes + self.top.nbytes + self.top_error.nbytes

    @property
    def starts(self):
        """Where the spikes of a population in a sample begin, shape (n_samples * n_populations + 1,)."""
        return np.asarray(self.start)

    @property
    def errors(self):
        """dL/dT of all spikes, a view; made by `clear_errors`."""
        return np.asarray(self.error)

    def clear_errors(self):
        """Set dL/dT of all spikes, and dL/dv of all largest membranes, to 0."""
        self.top_error[:] = 0.0
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
            t[k] = self.all.mark[at + k].time
            u[k] = self.all.mark[at + k].unit
        return times, units

    def slopes(self, int population, int sample):
        """Return 1 / v' at the spikes of a population in a sample."""
        cdef Py_ssize_t k, at = self.start[sample * self.n_populations + population]
        cdef Py_ssize_t n = self.start[sample * self.n_populations + population + 1] - at
        out = np.empty(n)
        cdef double[::1] view = out
        for k in range(n):
            view[k] = self.all.mark[at + k].inverse
        return out

    def first(self, int population, double[:, ::1] times):
        """Write the first spike of each unit, or leave what is there, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population + 1] - 1,
                           self.start[s * self.n_populations + population] - 1, -1):
                times[s, self.all.mark[k].unit] = self.all.mark[k].time

    def count(self, int population, int64_t[:, ::1] counts):
        """Add the number of spikes of each unit to `counts`, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                counts[s, self.all.mark[k].unit] += 1

    def tops(self, int first, double[:, ::1] values, double[:, ::1] times):
        """Write the largest membranes of a population and when they are reached, shape (n_samples, n)."""
        cdef const Top *top
        cdef int s, unit
        for s in range(values.shape[0]):
            for unit in range(values.shape[1]):
                top = <const Top *> &self.top[s, 0] + first + unit
                values[s, unit], times[s, unit] = top.value, top.time

    def add_top_errors(self, int first, const double[:, ::1] errors):
        """Add the derivatives of the loss in the largest membranes of a population, shape (n_samples, n)."""
        cdef int s, unit
        for s in range(errors.shape[0]):
            for unit in range(errors.shape[1]):
                self.top_error[s, first + unit] += errors[s, unit]

    def add_first_errors(self, int population, const double[:, ::1] errors):
        """Add dL/dT of first spikes, shape (n_samples, n); what is given for silent units is left out."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.mark[k].before < 0:
                    self.error[k] += errors[s, self.all.mark[k].unit]

    def first_errors(self, int population, double[:, ::1] errors):
        """Write dL/dT of the first spike of each unit, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.mark[k].before < 0:
                    errors[s, self.all.mark[k].unit] = self.error[k]


cdef class Gradients:
    """Sums over samples: of synapses `weights` and `delays` (n,); `units` (n, 3), tau_mem, tau_syn, v_th.

    In a population that goes in lockstep, the delays of a row of synapses share what stands at its first.
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
