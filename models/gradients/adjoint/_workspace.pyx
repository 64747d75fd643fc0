"""The memory of one thread in a pass, and the derivatives that it sums."""

from libc.stdlib cimport calloc, free, realloc

import numpy as np

from eventsim.models.neurons.flow cimport MOST_STATES


cdef class Sums:
    """Derivatives summed over samples: of each synapse, and of each parameter of each unit."""

    def __init__(self, Py_ssize_t n_synapses, Py_ssize_t n_parameters):
        self.weights, self.delays = np.zeros(n_synapses + 1), np.zeros(n_synapses + 1)
        self.parameters = np.zeros(n_parameters + 1)
        self.weight, self.delay, self.parameter = self.weights, self.delays, self.parameters

    def clear(self):
        """Set all to 0."""
        for each in (self.weights, self.delays, self.parameters):
            each[:] = 0.0

    def add(self, Sums other not None):
        """Add those of other samples."""
        self.weights += other.weights
        self.delays += other.delays
        self.parameters += other.parameters

    def finite(self):
        """Return whether all are numbers."""
        return all(bool(np.isfinite(each).all()) for each in (self.weights, self.delays, self.parameters))


cdef class WorkSpace:
    """What one thread needs beside the tape."""

    def __init__(self, int n_groups, int n_links, int n_units, int largest, Py_ssize_t n_guarded):
        self.n_groups, self.n_links = n_groups, n_links
        n_units = max(n_units, 1)
        self.train = <Train *> calloc(n_groups, sizeof(Train))
        self.cursor = <Py_ssize_t *> calloc(n_links + 1, sizeof(Py_ssize_t))
        self.x = <double *> calloc(n_units * MOST_STATES, sizeof(double))
        self.adjoint = <double *> calloc(n_units * MOST_STATES, sizeof(double))
        self.t = <double *> calloc(n_units, sizeof(double))
        self.ready = <double *> calloc(n_units, sizeof(double))
        self.latest = <int32_t *> calloc(n_units, sizeof(int32_t))
        self.record = <int64_t *> calloc(n_units, sizeof(int64_t))
        self.probe = <Py_ssize_t *> calloc(n_units, sizeof(Py_ssize_t))
        self.offset = <int64_t *> calloc(largest + 2, sizeof(int64_t))
        self.own_weight = <double *> calloc(n_guarded + 1, sizeof(double))
        self.norm = <double *> calloc(n_units, sizeof(double))
        if (self.train == NULL or self.cursor == NULL or self.x == NULL or self.adjoint == NULL or self.t == NULL
                or self.ready == NULL or self.latest == NULL or self.record == NULL or self.offset == NULL
                or self.own_weight == NULL or self.norm == NULL or self.probe == NULL):
            raise MemoryError("no memory left for an adjoint pass")

    def __dealloc__(self):
        cdef int k
        if self.train != NULL:
            for k in range(self.n_groups):
                free(self.train[k].spike)
        free(self.train)
        free(self.cursor)
        free(self.x)
        free(self.adjoint)
        free(self.t)
        free(self.ready)
        free(self.latest)
        free(self.record)
        free(self.probe)
        free(self.arrival)
        free(self.sorted)
        free(self.offset)
        free(self.own_weight)
        free(self.norm)

    cdef int reserve(self, Py_ssize_t n) except -1 nogil:
        """Make room for `n` arrivals."""
        cdef Py_ssize_t room
        cdef void *memory
        if n <= self.room:
            return 0
        room = 2 * n + 256
        memory = realloc(self.arrival, room * sizeof(Arrival))
        if memory != NULL:
            self.arrival = <Arrival *> memory
            memory = realloc(self.sorted, room * sizeof(Arrival))
        if memory == NULL:
            with gil:
                raise MemoryError("no memory left for the arrivals of a pass")
        self.sorted = <Arrival *> memory
        self.room = room
        return 0

    cdef int push(self, int group, const Spike *spike) except -1 nogil:
        cdef Train *train = &self.train[group]
        cdef Py_ssize_t room
        cdef void *memory
        if train.n == train.room:
            room = 2 * train.room + 64
            memory = realloc(train.spike, room * sizeof(Spike))
            if memory == NULL:
                with gil:
                    raise MemoryError("no memory left for the spikes of a pass")
            train.spike = <Spike *> memory
            train.room = room
        train.spike[train.n] = spike[0]
        train.n += 1
        return 0
