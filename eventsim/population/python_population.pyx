# cython: boundscheck=False, wraparound=False
"""The population of a `PythonNeuron`: it keeps the states of units, and asks the neuron what becomes of them."""

from libc.math cimport INFINITY

import numpy as np

from eventsim.states import not_after, state_array, state_times

from eventsim.engine.engine cimport Engine, Event
from eventsim.population.population cimport Population, SynapseGroup, group_target, group_weight, receive_input


cdef class PythonPopulation(Population):
    """`n` units of a `PythonNeuron`, on the ordered schedule.

    Parameters
    ----------
    n, name : units and name of the population.
    neuron : PythonNeuron
    """

    cdef readonly object neuron
    cdef readonly object state      # (n, number of variables) at the time of each unit's last event
    cdef double[::1] time           # (n,) of it
    cdef double[::1] next_spike     # (n,)
    cdef object flow, time_to_spike, on_input, on_spike

    def __init__(self, int n, str name, neuron):
        super().__init__(n, name)
        self.neuron = neuron
        self.flow, self.time_to_spike = neuron.flow, neuron.time_to_spike
        self.on_input, self.on_spike = neuron.on_input, neuron.on_spike
        self.variables = tuple(neuron.state)
        self.state = np.tile(np.array([*neuron.state.values()], np.float64), (n, 1))
        self.time = np.zeros(n)
        self.next_spike = np.full(n, np.inf)

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {"state": self.state.copy(), "time": np.array(self.time), "next_spike": np.array(self.next_spike)}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these units cannot have it; nothing changes."""
        return {
            "state": state_array(state, "state", float, self.state.shape, of=self.name, nan=True),
            "time": state_array(state, "time", float, (self.n,), 0.0, not_after(time), of=self.name),
            "next_spike": state_times(state, "next_spike", (self.n,), crossings, of=self.name),
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.state[:] = state["state"]
        np.asarray(self.time)[:] = state["time"]
        np.asarray(self.next_spike)[:] = state["next_spike"]

    cdef tuple at(self, int unit, double time):
        """Return the state of a unit at a time not before its last event."""
        cdef tuple state = tuple(self.state[unit].tolist())
        return tuple(self.flow(time - self.time[unit], *state)) if time > self.time[unit] else state

    cdef int put(self, Engine engine, int unit, double time, state) except -1:
        """Store the state of a unit after an event, and tell the engine when it spikes next."""
        cdef double duration = self.time_to_spike(*state)
        if not duration >= 0.0:
            raise ValueError(
                f"time_to_spike of {self.name!r} must be a time >= 0 or inf, got {duration!r} for unit {unit}")
        self.state[unit] = state
        self.time[unit] = time
        if time + duration != self.next_spike[unit]:
            self.next_spike[unit] = time + duration
            engine.predict(self.first_slot + unit, self.next_spike[unit])
        return 0

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.put(engine, unit, self.time[unit], tuple(self.state[unit].tolist()))
        return 0

    cdef int take(self, Engine engine, double time, int unit, double weight, int receptor) except -1:
        """Let an input arrive."""
        self.put(engine, unit, time, self.on_input(weight, receptor, *self.at(unit, time)))
        if self.watched:
            self.note(time, unit)
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        with gil:
            for k in range(group.n):
                self.take(engine, time, group_target(group, k), group_weight(group, k), group.receptor)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        with gil:
            self.next_spike[unit] = INFINITY
            self.put(engine, unit, time, self.on_spike(*self.at(unit, time)))
        self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        with gil:
            return self.at(unit, time)[variable]
