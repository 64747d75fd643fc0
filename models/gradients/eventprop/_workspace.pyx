# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Work space of one thread: states and adjoints of all units, and the arrivals of a window."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from eventsim.models.gradients.eventprop._network cimport BinInput, Pair, zeros
from eventsim.models.gradients.eventprop._sensitivities cimport Sensitivity
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Spiking
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, SpikeTrain


cdef class Workspace:
    """Work space of one thread."""

    def __cinit__(self, int n_populations, int n_units, int largest, int n_projections):
        self.n_populations = n_populations
        self.memory = []
        self.fresh = <SpikeTrain *> calloc(n_populations, sizeof(SpikeTrain))
        self.train = <SpikeTrain *> calloc(n_populations, sizeof(SpikeTrain))
        self.shift = <int64_t *> calloc(n_populations, sizeof(int64_t))
        self.offset = <int64_t *> calloc(largest + 2, sizeof(int64_t))
        self.bin_input = <BinInput **> calloc(n_populations, sizeof(BinInput *))
        self.pair = <Pair **> calloc(n_populations, sizeof(Pair *))
        self.sum = <Pair **> calloc(n_populations, sizeof(Pair *))
        self.next = <Py_ssize_t *> calloc(max(n_projections, 1), sizeof(Py_ssize_t))
        if (self.fresh == NULL or self.train == NULL or self.shift == NULL or self.offset == NULL
                or self.bin_input == NULL or self.pair == NULL or self.sum == NULL or self.next == NULL):
            raise MemoryError
        self.bin_memory = {}
        self.v, self.i, self.t = self.doubles(n_units), self.doubles(n_units), self.doubles(n_units)
        self.refractory_end, self.stop = self.doubles(n_units), self.doubles(n_units)
        self.l_v, self.l_i = self.doubles(n_units), self.doubles(n_units)
        self.sensitivity = <Sensitivity *> self.doubles(3 * n_units)
        self.waiting_restart, self.current = <int32_t *> self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.is_refractory = <uint8_t *> self.doubles(n_units)
        self.now, self.active = self.doubles(n_populations), <uint8_t *> self.doubles(n_populations)
        self.spike_left = <int64_t *> self.doubles(n_populations)
        self.refractory_left = <int64_t *> self.doubles(n_populations)
        self.threshold_bound, self.refractory_units = self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.n_refractory = <int *> self.doubles(n_populations)
        self.next_v, self.next_i = self.doubles(largest), self.doubles(largest)
        self.margin, self.no_weight = self.doubles(largest), self.doubles(largest)
        self.sensitivities = self.doubles(6 * n_units)
        self.spiking = <Spiking *> self.doubles(8 * largest)

    cdef double *doubles(self, Py_ssize_t n) except NULL:
        return zeros(self.memory, n)

    cdef reserve_bins(self, int p, Py_ssize_t n, Py_ssize_t n_synapses):
        """Make room for a time-binned population: units times bins n, and its synapses."""
        if p in self.bin_memory and len(self.bin_memory[p][0]) >= 6 * n:
            return
        memory = self.bin_memory[p] = []
        self.bin_input[p] = <BinInput *> zeros(memory, 6 * n)
        self.pair[p] = <Pair *> (self.bin_input[p] + n)
        self.sum[p] = <Pair *> zeros(memory, 2 * n_synapses)

    cdef reserve_guard(self, Py_ssize_t n_synapses, Py_ssize_t n_units):
        """Make room for the derivatives of one sample."""
        if self.sample_gradient == NULL:
            self.sample_gradient, self.norm = self.doubles(n_synapses), self.doubles(n_units)
        memset(self.sample_gradient, 0, n_synapses * sizeof(double))

    def __dealloc__(self):
        cdef int p
        if self.fresh != NULL:
            for p in range(self.n_populations):
                free(self.fresh[p].record)
        free(self.fresh)
        free(self.train)
        free(self.shift)
        free(self.offset)
        free(self.arrival)
        free(self.in_flight)
        free(self.sent)
        free(self.column)
        free(self.bin_input)
        free(self.pair)
        free(self.sum)
        free(self.next)
        free(self.gap)

    cdef int grow_in_flight(self) noexcept nogil:
        cdef Py_ssize_t room = 2 * self.in_flight_capacity + 64
        cdef void *memory = realloc(self.in_flight, room * sizeof(Arrival))
        if memory == NULL:
            return NO_MEMORY
        self.in_flight = <Arrival *> memory
        self.in_flight_capacity = room
        return 0

    cdef int reserve_candidates(self, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t room = n + n // 2 + 64
        if n <= self.candidate_capacity:
            return 0
        free(self.sent)
        free(self.column)
        self.sent, self.column = <float *> malloc(room * sizeof(float)), <int32_t *> malloc(room * sizeof(int32_t))
        self.candidate_capacity = room if self.sent != NULL and self.column != NULL else 0
        return 0 if self.candidate_capacity else NO_MEMORY

    cdef int reserve_arrivals(self, Py_ssize_t n, Py_ssize_t longest) noexcept nogil:
        """Make room for n arrivals, at most `longest` at one unit."""
        cdef Py_ssize_t room
        if n > self.arrival_capacity:
            room = n + n // 2 + 64
            free(self.arrival)
            self.arrival_capacity = 0
            self.arrival = <Arrival *> malloc(room * sizeof(Arrival))
            if self.arrival == NULL:
                return NO_MEMORY
            self.arrival_capacity = room
        if longest > self.gap_capacity:
            room = longest + longest // 2 + 64
            free(self.gap)
            self.gap_capacity = self.n_known = 0
            self.gap = <double *> malloc(room * (4 * sizeof(double) + sizeof(Arrival) + sizeof(int32_t)))
            if self.gap == NULL:
                return NO_MEMORY
            self.em = self.gap + room
            self.es = self.gap + 2 * room
            self.ka = self.gap + 3 * room
            self.spare = <Arrival *> (self.gap + 4 * room)
            self.bucket = <int32_t *> (self.spare + room)
            self.gap_capacity = room
        return 0
