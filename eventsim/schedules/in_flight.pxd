"""Spikes on their way to a population, and the arrivals that they become."""

from libc.stdint cimport int32_t, int64_t

from eventsim.population.population cimport Arrival, SynapseGroup
from eventsim.synapses.synapses cimport Synapses


cdef struct InFlight:
    double arrival
    double emitted
    int32_t place       # source, or with delays of its own for each synapse the position of the next one


cdef class InFlightSpikes:
    cdef readonly Synapses synapses
    cdef InFlight *spike
    cdef Py_ssize_t head, n, capacity   # first and one past last
    cdef bint ordered
    cdef object saved

    cdef int make_room(self) except -1 nogil
    cdef int put(self, InFlight spike) except -1 nogil
    cdef int replace_top(self, InFlight spike) except -1 nogil
    cdef int send(self, double time, int unit) except -1 nogil
    cdef int land(self, double end, ArrivalBuffer arrivals) except -1 nogil
    cdef int put_back(self, dict state) except -1
    cdef int save(self) except -1
    cdef int rollback(self) except -1


cdef class ArrivalBuffer:
    cdef Arrival *arrival
    cdef Py_ssize_t n, capacity
    cdef int64_t n_deliveries
    cdef double **chunk                 # they stay where they are, because groups point into them
    cdef Py_ssize_t *size
    cdef Py_ssize_t n_chunks, current, used

    cdef void clear(self) noexcept nogil
    cdef int keep_weights(self, SynapseGroup *group) except -1 nogil
    cdef int add_chunk(self, Py_ssize_t size) except -1 nogil
    cdef Arrival *next(self) except NULL nogil
    cdef void sort(self) noexcept nogil
