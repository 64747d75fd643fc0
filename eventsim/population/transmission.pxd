"""How spikes leave a population that an imperfect substrate carries."""

from libc.stdint cimport int64_t, uint64_t

from eventsim.population.population cimport OutputFilter


cdef class Bus:
    cdef readonly double rate
    cdef readonly int capacity
    cdef double free                        # when the next spike may go
    cdef readonly int64_t n_lost, n_delayed
    cdef double carry(self, double time) noexcept nogil


cdef class SpikeTransmission(OutputFilter):
    cdef readonly int n
    cdef double[::1] latency, jitter, loss  # (n,)
    cdef uint64_t[::1] jitter_key, loss_key  # (n,)
    cdef uint64_t[::1] count                # (n,) spikes that have come
    cdef readonly double resolution
    cdef readonly Bus bus
    cdef bint shared
    cdef readonly int64_t n_lost, n_cut
    cdef double horizon                     # crossings from here on are not counted: the run ends there
    cdef dict saved
    cdef tuple before                       # (n_lost, n_cut) of a sweep that was taken back
