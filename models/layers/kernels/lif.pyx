# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops over time of `LIF` and `LeakyReadout`, for some samples of a batch, without the GIL; see lif.h."""

from cython cimport floating
from libc.stdint cimport int64_t

import numpy as np

cdef extern from "eventsim/models/layers/kernels/lif.h" nogil:
    ctypedef struct lif_layer:
        ptrdiff_t steps, batch, n, low, high, row
        const void *alpha
        const void *threshold
        int surrogate, smooth
        double width
        const void *grid
        int64_t *spikes
        int64_t *changes
        void *room
    void lif_forward(int is_float64, const lif_layer *p, const void *current, const void *first_v,
                     const void *first_s, void *v, void *s)
    void lif_backward(int is_float64, const lif_layer *p, const void *ds, void *v, void *by_alpha,
                      void *by_threshold, void *lam)
    void leak_forward(int is_float64, const lif_layer *p, const void *current, const void *first, void *u)
    void leak_backward(int is_float64, const lif_layer *p, const void *du, void *dcurrent)

SURROGATES = {"box": 0, "fast_sigmoid": 1, "triangle": 2}


cdef lif_layer described(tuple shape, const floating[::1] alpha, const floating[::1] threshold, Py_ssize_t low,
                         Py_ssize_t high) except *:
    """Return what the loops need to know of arrays (time, batch, n); parameters are repeated for whole rows."""
    cdef lif_layer p
    p.steps, p.batch, p.n = shape
    if p.steps == 0 or not 0 <= low < high <= p.batch or alpha.shape[0] % p.n or alpha.shape[0] != threshold.shape[0]:
        raise ValueError(f"cannot work on samples {low} to {high} of arrays of shape {shape}")
    p.low, p.high, p.row = low, high, alpha.shape[0]
    p.alpha, p.threshold = &alpha[0], &threshold[0]
    p.surrogate = p.smooth = 0
    p.width = 1.0
    p.grid = p.room = NULL
    p.spikes = p.changes = NULL
    return p


def forward(const floating[:, :, ::1] current, const floating[::1] alpha, const floating[::1] threshold,
            const floating[:, ::1] first_v, const floating[:, ::1] first_s, floating[:, :, ::1] v,
            floating[:, :, ::1] s, int surrogate, double width, bint smooth, Py_ssize_t low, Py_ssize_t high,
            const floating[:, ::1] grid=None, int64_t[::1] spikes=None):
    """Fill `v` and `s`, from the state before the first step; `grid` (4, row) rounds membranes.

    With `spikes` (n) the spikes of each unit, over steps and samples, are added to it. Returned is then how many
    membranes differ from those of the step before, over all steps but the first; else 0.
    """
    cdef int64_t changes = 0
    cdef int64_t[::1] room
    cdef lif_layer p = described((current.shape[0], current.shape[1], current.shape[2]), alpha, threshold, low, high)
    p.surrogate, p.width, p.smooth = surrogate, width, smooth
    if grid is not None:
        if grid.shape[0] != 4 or grid.shape[1] != p.row:
            raise ValueError(f"a grid of ({grid.shape[0]}, {grid.shape[1]}) numbers does not fit rows of {p.row}")
        p.grid = &grid[0, 0]
    if spikes is not None:
        if spikes.shape[0] != p.n:
            raise ValueError(f"counts of {spikes.shape[0]} units do not fit {p.n} units")
        room = np.empty(2 * p.row, np.int64)  # of floats the first half is enough
        p.spikes, p.changes, p.room = &spikes[0], &changes, &room[0]
    with nogil:
        lif_forward(floating is double, &p, &current[0, 0, 0], &first_v[0, 0], &first_s[0, 0], &v[0, 0, 0],
                    &s[0, 0, 0])
    return changes


def backward(const floating[:, :, ::1] ds, const floating[::1] alpha, const floating[::1] threshold,
             floating[:, :, ::1] v, floating[:, ::1] by_alpha, floating[:, ::1] by_threshold,
             floating[:, ::1] room, int surrogate, double width, bint smooth, Py_ssize_t low, Py_ssize_t high):
    """Overwrite `v` by dL/dcurrent, and fill sums over time (batch, n), either of which may be None."""
    cdef lif_layer p = described((ds.shape[0], ds.shape[1], ds.shape[2]), alpha, threshold, low, high)
    cdef floating *to_alpha = NULL if by_alpha is None else &by_alpha[0, 0]
    cdef floating *to_threshold = NULL if by_threshold is None else &by_threshold[0, 0]
    p.surrogate, p.width, p.smooth = surrogate, width, smooth
    with nogil:
        lif_backward(floating is double, &p, &ds[0, 0, 0], &v[0, 0, 0], to_alpha, to_threshold, &room[0, 0])


def integrate(const floating[:, :, ::1] current, const floating[::1] alpha, const floating[:, ::1] first,
              floating[:, :, ::1] u, Py_ssize_t low, Py_ssize_t high):
    """Fill the membranes `u` of a leaky readout, from those before the first step."""
    cdef lif_layer p = described((current.shape[0], current.shape[1], current.shape[2]), alpha, alpha, low, high)
    with nogil:
        leak_forward(floating is double, &p, &current[0, 0, 0], &first[0, 0], &u[0, 0, 0])


def integrate_back(const floating[:, :, ::1] du, const floating[::1] alpha, floating[:, :, ::1] dcurrent,
                   Py_ssize_t low, Py_ssize_t high):
    """Fill dL/dcurrent of a leaky readout."""
    cdef lif_layer p = described((du.shape[0], du.shape[1], du.shape[2]), alpha, alpha, low, high)
    with nogil:
        leak_backward(floating is double, &p, &du[0, 0, 0], &dcurrent[0, 0, 0])
