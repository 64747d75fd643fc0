# cython: boundscheck=False, wraparound=False
"""Populations of units, where their spikes go, and the recording of their state.

A population is a handler: what reaches it is an event, and its threshold crossings are kept by
the engine. It knows neither what its inputs are nor who watches it.
"""

from cpython.ref cimport PyObject
from libc.math cimport INFINITY, isfinite
from libc.stdlib cimport free

import numpy as np

from eventsim.engine.engine cimport Engine, Event, Handler
from eventsim.kernels.memory cimport resized
from eventsim.engine.priorities cimport SAMPLES
from eventsim.population.recorder cimport SampleLog, SpikeLog


cdef class SpikeSink(Handler):
    """Where the spikes of a population go."""

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} cannot send spikes")


cdef class OutputFilter(Handler):
    """What spikes of a population pass on their way to recorder and synapses; see `eventsim.population.transmission`."""

    cdef double transmit(self, double time, int unit) noexcept nogil:
        return time

    cdef int save(self) except -1:
        return 0

    cdef int rollback(self) except -1:
        return 0


cdef class Population(Handler):
    """`n` units that receive spikes and emit them.

    Parameters
    ----------
    n : int
    name : str
        What error messages call it.
    """

    def __init__(self, int n, str name=""):
        self.n = n
        self.name = name
        self.variables = ()
        self.keep_spikes = True
        self.log = SpikeLog()
        self.fresh = SpikeLog()
        self.event_logs = {}
        self.hooks = []
        self.sinks = []
        self.recordings = []

    def __dealloc__(self):
        free(self.sink)

    def add_sink(self, SpikeSink sink not None):
        """Send all spikes to `sink` too."""
        self.sink = <PyObject **> resized(self.sink, self.n_sinks + 1, sizeof(PyObject *), b"sinks")
        self.sink[self.n_sinks] = <PyObject *> sink
        self.n_sinks += 1
        self.sinks.append(sink)  # owns the reference

    def set_transmission(self, OutputFilter transmission not None):
        """Let all spikes pass `transmission` before they are recorded and sent on."""
        self.transmission = transmission
        self.filtered = True
        transmission.population = self

    def keep(self, bint keep):
        """Record spikes or not."""
        self.keep_spikes = keep

    def add_recording(self, Recording recording not None):
        """Let `recording` see the state of these units."""
        self.recordings.append(recording)
        self.watched = self.watched or recording.every == 0.0

    def check_event(self, int unit, double value):
        """Raise ValueError or TypeError unless an event from outside can be handled."""
        if self.is_source:
            raise TypeError(f"{self.name!r} is a source, which takes no events; spikes come by Simulation.stimulate()")
        if not 0 <= unit < self.n:
            raise ValueError(f"{self.name!r} has units 0..{self.n - 1}, got an event for unit {unit}")
        if not isfinite(value):
            raise ValueError(f"the value of an event for {self.name!r} must be finite, got {value!r}")

    def unit_range(self):
        """Return the least unit that an event may have, and one past the greatest."""
        return 0, max(self.n, 1)

    def check_state(self, state, time=None, crossings=None):
        """Return a state as arrays and numbers of its own; nothing changes.

        Parameters
        ----------
        state : mapping
            What `snapshot` returned, perhaps changed since.
        time : float, optional
            Up to which the units have come.
        crossings : ndarray, shape (n,), optional
            Predicted crossings that the engine waits for.

        Raises
        ------
        ValueError
            If these units cannot have it.
        """
        return state

    def prepare(self, Engine engine not None):
        """Schedule or predict what comes without input; once, before the first run."""
        self.begin(engine)

    cdef int emit(self, Engine engine, double time, int unit) except -1 nogil:
        cdef double leaves
        if self.filtered:
            leaves = self.transmission.transmit(time, unit)
            if leaves > time:
                return engine.push(leaves, self.transmission.id, unit, 0.0, 0) if leaves < INFINITY else 0
        return self.dispatch(engine, time, unit)

    cdef int dispatch(self, Engine engine, double time, int unit) except -1 nogil:
        cdef int k
        if self.keep_spikes:
            self.log.append(time, unit)
        for k in range(self.n_sinks):
            (<SpikeSink> self.sink[k]).send(engine, time, unit)
        if self.hooked:
            self.call_hooks(time, unit)
        return 0

    cdef int call_hooks(self, double time, int unit) except -1 with gil:
        for hook in self.hooks:
            hook(time, unit)
        return 0

    def add_hook(self, hook):
        """Call `hook(time, unit)` at each spike (ordered schedule)."""
        self.hooks.append(hook)
        self.hooked = True

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        with gil:
            raise TypeError(f"{self.name!r} takes no input")

    cdef int begin(self, Engine engine) except -1:
        return 0

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} runs on the ordered schedule only")

    cdef int save(self) except -1:
        return 0

    cdef int rollback(self) except -1:
        return 0

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        return 0.0

    cdef int note(self, double time, int unit) except -1 nogil:
        """Let the recordings at events see a unit after its event."""
        with gil:
            for recording in self.recordings:
                (<Recording> recording).see(time, unit)
        return 0

    def value(self, str variable, double time):
        """Return a variable of all units at `time`, shape (n,), float64."""
        cdef int index = self.variables.index(variable)
        out = np.empty(self.n)
        cdef double[::1] view = out
        cdef int unit
        for unit in range(self.n):
            view[unit] = self.peek(index, unit, time)
        return out


cdef int receive_input(Population population, Engine engine, const Event *event) except -1 nogil:
    cdef SynapseGroup group
    if not 0 <= event.unit < population.n:
        with gil:
            raise IndexError(
                f"{population.name!r} has {population.n} units, so an event cannot reach unit {event.unit}"
            )
    group.target = NULL
    group.w64 = NULL
    group.w32 = NULL
    group.w = event.value
    group.n = 1
    group.first = event.unit
    group.receptor = 0
    return population.deliver(engine, event.time, &group)


cdef class Recording(Handler):
    """One variable of some units, sampled on a grid (`every` > 0) or at every event (0)."""

    def __init__(self, Population population not None, str variable, double every, units):
        self.population = population
        self.variable = variable
        self.index = population.variables.index(variable)
        self.every = every
        self.units = np.asarray(units, np.int64)
        self.unit = self.units.astype(np.int32)
        column = np.full(max(population.n, self.units.max(initial=0) + 1), -1, np.int32)
        column[self.units] = np.arange(len(self.units))
        self.column = column
        self.log = SampleLog(len(self.units) if every > 0.0 else 0)

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        """Sample all units at a grid point, and wait for the next."""
        cdef double *row
        cdef Py_ssize_t k
        row = self.log.row(event.time)
        for k in range(self.unit.shape[0]):
            row[k] = self.population.peek(self.index, self.unit[k], event.time)
        self.next += 1
        return engine.push(self.next * self.every, self.id, 0, 0.0, SAMPLES)

    cdef int see(self, double time, int unit) except -1:
        """Sample a unit that had an event, if this recording is at events."""
        if self.every == 0.0 and self.column[unit] >= 0:
            self.log.triple(time, self.column[unit], self.population.peek(self.index, unit, time))
        return 0


cdef class PrivateSource(Population):
    """A source whose units may be drawn one by one, each in order of time."""

    cdef int draw(self, int first, int last, double end, double delay, SpikeLog drawn) except -1 nogil:
        with gil:
            raise NotImplementedError
