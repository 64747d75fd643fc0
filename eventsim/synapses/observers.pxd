"""What sees the arrivals at a projection and the spikes of its targets."""

from libc.stdint cimport int64_t

from eventsim.engine.engine cimport Engine
from eventsim.population.population cimport SynapseGroup, SpikeSink


cdef class ArrivalObserver:
    """Sees what arrives at the synapses of a projection, and the spikes of their targets."""

    cdef object engine                  # weak reference; None on the schedules without a queue
    cdef double swept                   # there: what arrives before this time has been seen
    cdef readonly bint scales           # `on_arrival` gives a group other weights than those stored
    cdef readonly str modulator         # a population whose spikes are seen too, when they are emitted; None for none
    # The spike that `source` emitted at `emitted` reaches the synapses first, first + 1, ... in storage order, before it acts.
    cdef int on_arrival(
        self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil
    # A target spikes. On the windows schedule this is said after the window.
    cdef int on_post(self, double time, int unit) except -1 nogil
    # The modulator spikes. On the windows schedule this is said in its window, before or after the spikes of the targets.
    cdef int on_modulator(self, double time, int unit) except -1 nogil
    # Bring the weights up to what has arrived, before somebody reads them.
    cdef int settle(self) except -1
    # Somebody has replaced the weights.
    cdef int on_new_weights(self) except -1
    # Everything that arrives before this time has been seen.
    cdef double clock(self) except? -1.0
    # Remember the state, and come back to it, around a sweep that went beyond the end of a run.
    cdef int save(self) except -1
    cdef int rollback(self) except -1


cdef class ObservedSpikes(SpikeSink):
    cdef readonly ArrivalObserver observer
    cdef readonly double min_delay


cdef class ModulatorSpikes(SpikeSink):
    cdef readonly ArrivalObserver observer
    cdef readonly double min_delay
