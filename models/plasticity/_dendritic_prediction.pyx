# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Dendritic prediction on ticks: traces of the sources, and changes of the weights."""

from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.rates.axonal cimport Axonal
from eventsim.rates.ticks cimport TickPart

from eventsim.states import FINITE, state_arrays, state_number

cdef extern from "eventsim/models/plasticity/_dendritic_prediction.h" nogil:
    void prediction_trace(double *trace, const double *x, double c, double gain, ptrdiff_t n)
    void prediction_change(double *change, const double *rate, const double *error, ptrdiff_t rows, ptrdiff_t stride,
                           ptrdiff_t n)


cdef double *doubles(array) except? NULL:
    """Return where a C-contiguous array of float64 begins."""
    cdef double[::1] view = array.reshape(-1)
    return &view[0] if view.shape[0] else NULL


cdef class DendriticPredictionPart(TickPart):
    """The rule of one projection.

    Parameters
    ----------
    projection : Axonal
    rates : ndarray, shape (n_pre, n_post)
        Learning rates per time. Sources with the same rates share a row of changes.
    tau, gain : float
        Of the trace.
    post : str
        Variable of the target that is the error.
    """

    cdef readonly Axonal projection
    cdef readonly dict state                # trace (n_pre,), change (n_rows, stride)
    cdef readonly object rates              # (n_rows, stride) weight change per tick, error and trace
    cdef double c, gain
    cdef bint learns
    cdef int64_t n_rows
    cdef double *trace
    cdef double *change
    cdef double *rate
    cdef double *error

    def __init__(self, Axonal projection not None, rates, double tau, double gain, str post):
        self.projection, self.name = projection, f"{projection.name} dendritic prediction"
        n_pre, n_post = rates.shape
        own = projection.pre is projection.post
        kinds = rates.copy()
        if own:  # a unit's rate onto itself does not count, so that sources still share rows
            for j in range(n_pre):
                kinds[j, j] = kinds[(j + 1) % n_pre, j]
        rows, which = np.unique(kinds, axis=0, return_inverse=True) if n_pre else (kinds, np.zeros(0, int))
        which = np.ravel(which)
        starts = np.flatnonzero(np.append(True, np.diff(which) != 0))[:n_pre]
        padding = ((0, 0), (0, projection.stride - n_post))
        self.rates = np.ascontiguousarray(np.pad(projection.dt * rows, padding))
        self.state = {"trace": np.zeros(n_pre), "change": np.zeros_like(self.rates)}
        self.n_rows, self.learns = len(rows), True
        self.c, self.gain = projection.dt / tau, gain
        self.trace, self.change = doubles(self.state["trace"]), doubles(self.state["change"])
        self.rate, self.error = doubles(self.rates), doubles(projection.post.arrays[post])
        projection.change_by_rows(
            self.state["trace"], self.state["change"],
            np.ascontiguousarray(np.r_[starts, n_pre], np.int64), np.ascontiguousarray(which[starts], np.int64),
            own)

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        prediction_trace(self.trace, <double *> self.projection.x, self.c, self.gain, self.projection.n_pre)
        if self.learns:
            prediction_change(self.change, self.rate, self.error, self.n_rows, self.projection.stride,
                              self.projection.n_post)
            self.projection.due = True
        return 0

    def stop(self, bint stopped=True):
        """Keep the weights as they are, or learn again; traces go on."""
        self.learns = not stopped

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        return {name: array.copy() for name, array in self.state.items()} | {"learns": int(self.learns)}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if this rule cannot have it; nothing changes."""
        return state_arrays(state, self.state, dict.fromkeys(self.state, FINITE), of=self.name) | {
            "learns": state_number(state, "learns", np.int64, 0, 2, of=self.name)}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        found = self.check_state(state)
        for name, array in self.state.items():
            array[...] = found[name]
        self.learns = bool(found["learns"])
