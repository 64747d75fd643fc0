# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Work space of one thread: states and adjoints of all units, and the arrivals of a window."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from eventsim.models.gradients.eventprop._network cimport Heap, Pair, zeros
from eventsim.models.gradients.eventprop._sensitivities cimport Sense
from eventsim.models.gradients.eventprop._workspace cimport Arrival
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, Train


cdef class Space:
    """Work space of one thread."""

    def __cinit__(self, int n_populations, int n_units, int largest, int n_projections):
        self.n_populations = n_populations
        self.memory = []
        self.fresh = <Train *> calloc(n_populations, sizeof(Train))
        self.train = <Train *> calloc(n_populations, sizeof(Train))
        self.shift = <int64_t *> calloc(n_populations, sizeof(int64_t))
        self.offset = <int64_t *> calloc(largest + 2, sizeof(int64_t))
        self.heap = <Heap **> calloc(n_populations, sizeof(Heap *))
        self.pair = <Pair **> calloc(n_populations, sizeof(Pair *))
        self.sum = <Pair **> calloc(n_populations, sizeof(Pair *))
        self.next = <Py_ssize_t *> calloc(max(n_projections, 1), sizeof(Py_ssize_t))
        if (self.fresh == NULL or self.train == NULL or self.shift == NULL or self.offset == NULL
                or self.heap == NULL or self.pair == NULL or self.sum == NULL or self.next == NULL):
            raise MemoryError
        self.bin_memory = {}
        self.v, self.i, self.t = self.doubles(n_units), self.doubles(n_units), self.doubles(n_units)
        self.release, self.stop = self.doubles(n_units), self.doubles(n_units)
        self.l_v, self.l_i = self.doubles(n_units), self.doubles(n_units)
        self.sense = <Sense *> self.doubles(3 * n_units)
        self.open, self.current = <int32_t *> self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.quiet = <uint8_t *> self.doubles(n_units)
        self.now, self.live = self.doubles(n_populations), <uint8_t *> self.doubles(n_populations)
        self.spike_left = <int64_t *> self.doubles(n_populations)
        self.rest_left = <int64_t *> self.doubles(n_populations)
        self.bar, self.resting = self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.n_resting = <int *> self.doubles(n_populations)
        self.spare_v, self.spare_i = self.doubles(largest), self.doubles(largest)
        self.excess, self.none = self.doubles(largest), self.doubles(largest)
        self.senses = self.doubles(6 * n_units)

    cdef double *doubles(self, Py_ssize_t n) except NULL:
        return zeros(self.memory, n)

    cdef fit_bins(self, int p, Py_ssize_t n, Py_ssize_t n_synapses):
        """Make room for a population in bins: units times bins n, and its synapses."""
        if p in self.bin_memory and len(self.bin_memory[p][0]) >= 6 * n:
            return
        memory = self.bin_memory[p] = []
        self.heap[p] = <Heap *> zeros(memory, 6 * n)
        self.pair[p] = <Pair *> (self.heap[p] + n)
        self.sum[p] = <Pair *> zeros(memory, 2 * n_synapses)

    cdef fit_guard(self, Py_ssize_t n_synapses, Py_ssize_t n_units):
        """Make room for the derivatives of one sample."""
        if self.one == NULL:
            self.one, self.norm = self.doubles(n_synapses), self.doubles(n_units)
        memset(self.one, 0, n_synapses * sizeof(double))

    def __dealloc__(self):
        cdef int p
        if self.fresh != NULL:
            for p in range(self.n_populations):
                free(self.fresh[p].mark)
        free(self.fresh)
        free(self.train)
        free(self.shift)
        free(self.offset)
        free(self.arrival)
        free(self.flight)
        free(self.sent)
        free(self.column)
        free(self.heap)
        free(self.pair)
        free(self.sum)
        free(self.next)
        free(self.gap)

    cdef int make_flight_room(self) noexcept nogil:
        cdef Py_ssize_t room = 2 * self.flight_room + 64
        cdef void *memory = realloc(self.flight, room * sizeof(Arrival))
        if memory == NULL:
            return NO_MEMORY
        self.flight = <Arrival *> memory
        self.flight_room = room
        return 0

    cdef int make_candidate_room(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t room = n + n // 2 + 64
        if n <= self.candidate_room:
            return 0
        free(self.sent)
        free(self.column)
        self.sent, self.column = <float *> malloc(room * sizeof(float)), <int32_t *> malloc(room * sizeof(int32_t))
        self.candidate_room = room if self.sent != NULL and self.column != NULL else 0
        return 0 if self.candidate_room else NO_MEMORY

    cdef int make_room(self, Py_ssize_t n, Py_ssize_t longest) noexcept nogil:
        """Make room for n arrivals, at most `longest` at one unit."""
        cdef Py_ssize_t room
        if n > self.arrival_room:
            room = n + n // 2 + 64
            free(self.arrival)
            self.arrival_room = 0
            self.arrival = <Arrival *> malloc(room * sizeof(Arrival))
            if self.arrival == NULL:
                return NO_MEMORY
            self.arrival_room = room
        if longest > self.gap_room:
            room = longest + longest // 2 + 64
            free(self.gap)
            self.gap_room = self.n_known = 0
            self.gap = <double *> malloc(room * (4 * sizeof(double) + sizeof(Arrival) + sizeof(int32_t)))
            if self.gap == NULL:
                return NO_MEMORY
            self.em = self.gap + room
            self.es = self.gap + 2 * room
            self.ka = self.gap + 3 * room
            self.spare = <Arrival *> (self.gap + 4 * room)
            self.bucket = <int32_t *> (self.spare + room)
            self.gap_room = room
        return 0
