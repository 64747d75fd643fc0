# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops over time of `MinGRU`, for some samples of a batch, without the GIL; see min_gru.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/min_gru.h" nogil:
    ctypedef struct min_gru_layer:
        ptrdiff_t steps, batch, n, low, high
        int positive
        const void *grid
    void min_gru_forward(int is_float64, const min_gru_layer *p, void *pre, const void *first, void *h)
    void min_gru_backward(int is_float64, const min_gru_layer *p, const void *dh, const void *first, const void *h,
                          void *pre, void *carry)


cdef min_gru_layer described(const floating[:, :, ::1] pre, const floating[:, ::1] first,
                             const floating[:, :, ::1] h, bint positive, Py_ssize_t low,
                             Py_ssize_t high) except *:
    """Return what the loops need to know of the arrays."""
    cdef min_gru_layer p
    p.steps, p.batch, p.n = h.shape[0], h.shape[1], h.shape[2]
    if (pre.shape[0] != p.steps or pre.shape[1] != p.batch or pre.shape[2] != 2 * p.n or first.shape[0] != p.batch
            or first.shape[1] != p.n or p.steps == 0 or p.n == 0 or not 0 <= low < high <= p.batch):
        raise ValueError(f"cannot work on samples {low} to {high} of ({p.steps}, {p.batch}, {p.n}) states")
    p.low, p.high, p.positive, p.grid = low, high, positive, NULL
    return p


def forward(floating[:, :, ::1] pre, const floating[:, ::1] first, floating[:, :, ::1] h, bint positive,
            Py_ssize_t low, Py_ssize_t high, const floating[:, ::1] grid=None):
    """Fill the states `h`; `pre`, gates before candidates, holds z and candidates afterwards.

    `grid` (4, n) rounds the states: step, 1 / step, least and most code of each unit.
    """
    cdef min_gru_layer p = described(pre, first, h, positive, low, high)
    if grid is not None:
        if grid.shape[0] != 4 or grid.shape[1] != p.n:
            raise ValueError(f"a grid of ({grid.shape[0]}, {grid.shape[1]}) numbers does not fit {p.n} states")
        p.grid = &grid[0, 0]
    with nogil:
        min_gru_forward(floating is double, &p, &pre[0, 0, 0], &first[0, 0], &h[0, 0, 0])


def backward(const floating[:, :, ::1] dh, const floating[:, ::1] first, const floating[:, :, ::1] h,
             floating[:, :, ::1] pre, floating[:, ::1] carry, bint positive, Py_ssize_t low, Py_ssize_t high):
    """Overwrite z and candidates in `pre` by dL/dpre; `carry` (batch, n) becomes dL/dfirst."""
    cdef min_gru_layer p = described(pre, first, h, positive, low, high)
    if dh.shape[0] != p.steps or dh.shape[1] != p.batch or dh.shape[2] != p.n or carry.shape[0] != p.batch:
        raise ValueError(f"a gradient of ({dh.shape[0]}, {dh.shape[1]}, {dh.shape[2]}) does not fit the states")
    with nogil:
        min_gru_backward(floating is double, &p, &dh[0, 0, 0], &first[0, 0], &h[0, 0, 0], &pre[0, 0, 0],
                         &carry[0, 0])
