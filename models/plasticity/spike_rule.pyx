# cython: boundscheck=False, wraparound=False
"""What a compiled plasticity rule at spikes builds on: weights, arrays of state, snapshots, and the way back."""

import numpy as np

from eventsim.engine cimport Engine
from eventsim.states import state_arrays
from eventsim.synapses cimport SYNAPTIC, ArrivalObserver, Synapses


cdef class SpikeRule(ArrivalObserver):
    """The plasticity of one projection.

    A subclass makes its arrays with `array` and overrides `on_arrival` and `on_post`. All arrays and the weights
    are part of snapshots, and are put back after a sweep beyond the end of a run.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine, optional
        None on the schedules without a queue.
    plastic : bool
        Whether the weights change.
    """

    def __init__(self, Synapses synapses not None, Engine engine=None, bint plastic=True):
        super().__init__(engine)
        self.synapses = synapses
        self.own_rows = synapses.delay_kind == SYNAPTIC
        self.arrays = {}
        self.bounds = {}
        if plastic:
            self.weight = synapses.own_weights()

    @property
    def n_rows(self):
        """How many traces of sources there are: a synapse has its own where delays differ within a source."""
        return self.synapses.n if self.own_rows else self.synapses.pre.n

    def array(self, str name, Py_ssize_t n, value=0.0, dtype=np.float64, low=None, high=None):
        """Return a new array of state of shape (n,)."""
        self.arrays[name] = np.full(n, value, dtype)
        self.bounds[name] = (low, high)
        return self.arrays[name]

    def all_arrays(self):
        """Return the arrays of state by name, and the weights if they change."""
        if self.weight == NULL:
            return self.arrays
        return {**self.arrays, "weight": self.synapses.arrays["weight"]}

    cdef int save(self) except -1:
        self.saved = {name: array.copy() for name, array in self.all_arrays().items()}
        return 0

    cdef int rollback(self) except -1:
        for name, array in self.all_arrays().items():
            array[...] = self.saved[name]
        self.saved = None
        return 0

    def snapshot(self):
        """Return weights and arrays, brought up to the clock."""
        self.settle()
        return {name: array.copy() for name, array in self.all_arrays().items()}

    def check_state(self, state, time=None):
        """Return the arrays of a state, or raise ValueError if they cannot be; nothing changes."""
        late = None if time is None else float(np.nextafter(time, np.inf))
        bounds = {name: (low, late if high == "now" else high) for name, (low, high) in self.bounds.items()}
        return state_arrays(state, self.all_arrays(), bounds, of=self.synapses.name)

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.all_arrays().items():
            array[...] = state[name]
