"""What sees the arrivals at a projection and the spikes of its targets: plasticity rules are such observers."""

from libc.math cimport INFINITY
from libc.stdint cimport int64_t

import weakref

from eventsim.engine.engine cimport Engine
from eventsim.population.population cimport SynapseGroup, SpikeSink


cdef class ArrivalObserver:
    """Sees what arrives at the synapses of a projection, and the spikes of their targets.

    Parameters
    ----------
    engine : Engine, optional
        None on the schedules without a queue.
    """

    def __init__(self, Engine engine=None):
        self.engine = None if engine is None else weakref.ref(engine)

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        return 0

    cdef int on_post(self, double time, int unit) except -1 nogil:
        return 0

    cdef int on_modulator(self, double time, int unit) except -1 nogil:
        return 0

    cdef int settle(self) except -1:
        return 0

    cdef int on_new_weights(self) except -1:
        return 0

    cdef double clock(self) except? -1.0:
        if self.engine is None:
            return self.swept
        engine = self.engine()
        return engine.now

    cdef int save(self) except -1:
        return 0

    cdef int rollback(self) except -1:
        return 0

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        return {}

    def check_state(self, state, time=None):
        """Return a state, or raise ValueError if it cannot be; nothing changes."""
        return state

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""


cdef class ObservedSpikes(SpikeSink):
    """Leads the spikes of targets to an observer, and keeps its state with that of the engine (ordered schedule)."""

    def __init__(self, ArrivalObserver observer not None):
        self.observer = observer
        self.min_delay = INFINITY   # it is called at the time of the spike, and schedules nothing

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        return self.observer.on_post(time, unit)

    def unit_range(self):
        """Return that no event is for it."""
        return 0, 0

    def snapshot(self):
        """Return the state of the observer."""
        return self.observer.snapshot()

    def check_state(self, state, time=None, crossings=None):
        """Return a state, or raise ValueError if it cannot be; nothing changes."""
        return self.observer.check_state(state, time)

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.observer.restore(state)


cdef class ModulatorSpikes(SpikeSink):
    """Leads the spikes of a modulator to an observer (ordered schedule)."""

    def __init__(self, ArrivalObserver observer not None):
        self.observer = observer
        self.min_delay = INFINITY   # as of `ObservedSpikes`

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        return self.observer.on_modulator(time, unit)
