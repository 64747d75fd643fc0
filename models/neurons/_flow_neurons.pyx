# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Neurons whose flow and spikes have closed forms, on the ordered schedule."""

from libc.math cimport INFINITY
from libc.string cimport memcpy

import numpy as np

from eventsim.states import FINITE, not_after, state_arrays, state_times

from eventsim.engine cimport Engine, Event
from eventsim.models.neurons.flow cimport MOST_STATES, Flow
from eventsim.population cimport Population, SynapseGroup, group_target, group_weight, receive_input


cdef class FlowNeurons(Population):
    """`n` units that follow a `Flow`.

    Parameters
    ----------
    n, name
    flow : Flow
    variables : tuple of str
        What `Flow.observed` gives, in its order.
    x : ndarray, shape (n, n_state)
        State at time 0.
    p : ndarray, shape (1 or n, n_parameters)
        As `Flow.parameters` returns them.
    t_ref : ndarray, shape (1 or n,)
    """

    cdef readonly Flow flow
    cdef readonly dict arrays
    cdef int stride
    cdef double[:, ::1] p, x
    cdef double[::1] t_ref, t, refractory_end, next_event

    def __init__(self, int n, str name, Flow flow not None, tuple variables, x, p, t_ref):
        super().__init__(n, name)
        self.flow, self.variables = flow, variables
        self.stride = int(len(p) > 1)
        self.p = np.array(p, np.float64, order="C")
        self.t_ref = np.array(t_ref, np.float64)
        self.arrays = {
            "x": np.array(x, np.float64, order="C"),
            "t": np.zeros(n),
            "refractory_end": np.full(n, -np.inf),
            "next_event": np.full(n, np.inf),
        }
        self.x, self.t, self.refractory_end, self.next_event = self.arrays.values()

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these units cannot have it; nothing changes."""
        found = state_arrays(state, self.arrays, {"x": FINITE, "t": (0.0, not_after(time))}, of=self.name)
        state_times(state, "next_event", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.arrays.items():
            array[...] = state[name]

    def set_parameters(self, values, Engine engine=None, time=None):
        """Let the units have other parameters, `p` and `t_ref` as at first, from `time` on.

        Without a time the state is that of units with these parameters already.
        """
        cdef int unit
        cdef double now = 0.0 if time is None else time
        cdef double[:, ::1] p = np.array(values["p"], np.float64, order="C")
        cdef int stride = int(p.shape[0] > 1)
        if time is not None:
            for unit in range(self.n):
                self.go(unit, now)
                self.flow.convert(&self.x[unit, 0], self.parameters_of(unit), &p[unit * stride, 0])
        self.p, self.stride = p, stride
        self.t_ref = np.array(values["t_ref"], np.float64)
        if time is None or engine is None:
            return
        for unit in range(self.n):
            self.look(engine, unit)

    cdef const double *parameters_of(self, int unit) noexcept nogil:
        return &self.p[unit * self.stride, 0]

    cdef int look(self, Engine engine, int unit) except -1 nogil:
        """Predict the next event of a unit: its spike, or the end of its refractory time."""
        cdef double y[MOST_STATES]
        cdef double time
        cdef bint spike = False
        if self.t[unit] < self.refractory_end[unit]:
            time = self.refractory_end[unit]
        else:
            time = self.flow.advance(self.t[unit], INFINITY, False, &self.x[unit, 0], self.parameters_of(unit), y,
                                     &spike, NULL, NULL)
            time = time if spike else INFINITY
        self.next_event[unit] = time
        return engine.predict(self.first_slot + unit, time)

    cdef int go(self, int unit, double time) except -1 nogil:
        """Bring a unit to `time`, before which it does not spike."""
        cdef double y[MOST_STATES]
        cdef bint spike = False
        if time > self.t[unit]:
            self.flow.advance(self.t[unit], time, self.t[unit] < self.refractory_end[unit], &self.x[unit, 0],
                              self.parameters_of(unit), y, &spike, NULL, NULL)
            memcpy(&self.x[unit, 0], y, self.flow.n_state * sizeof(double))
            self.t[unit] = time
        return 0

    cdef int take(self, Engine engine, double time, int unit, double weight, int receptor) except -1 nogil:
        self.go(unit, time)
        self.flow.arrive(&self.x[unit, 0], self.parameters_of(unit), weight, receptor,
                         time < self.refractory_end[unit], NULL, NULL, NULL)
        self.look(engine, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    # Ordered schedule ---------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.look(engine, unit)
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        for k in range(group.n):
            self.take(engine, time, group_target(group, k), group_weight(group, k), group.receptor)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        cdef bint released = self.t[unit] < self.refractory_end[unit]
        self.go(unit, time)
        if released:
            self.look(engine, unit)
            return 0
        self.flow.reset(&self.x[unit, 0], self.parameters_of(unit), NULL, NULL)
        self.refractory_end[unit] = time + self.t_ref[unit if self.t_ref.shape[0] > 1 else 0]
        self.look(engine, unit)
        self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef double y[MOST_STATES]
        cdef bint spike = False
        if time <= self.t[unit]:
            return self.flow.observed(&self.x[unit, 0], self.parameters_of(unit), variable)
        self.flow.advance(self.t[unit], time, self.t[unit] < self.refractory_end[unit], &self.x[unit, 0],
                          self.parameters_of(unit), y, &spike, NULL, NULL)
        return self.flow.observed(y, self.parameters_of(unit), variable)
