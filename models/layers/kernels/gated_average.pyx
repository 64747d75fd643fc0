# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops over time of `QuantizedMinGRU`, for some samples of a batch, without the GIL; see gated_average.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/gated_average.h" nogil:
    ctypedef struct gated_average_layer:
        ptrdiff_t steps, batch, n, low, high
        int soft
        double levels, half, rows
    void gated_average_forward(int is_float64, const gated_average_layer *p, const void *pre, const void *first,
                               void *z, void *h)
    void gated_average_backward(int is_float64, const gated_average_layer *p, const void *dh, const void *first,
                                const void *h, const void *z, void *pre, void *carry)


cdef class Gate:
    """How the input of a gate becomes the weight of the new value.

    `levels` codes, 0 for none; `half` is added before a code is cut; a code swaps `rows` k / `levels` rows.
    """

    cdef readonly bint soft
    cdef readonly double levels, half, rows

    def __init__(self, bint soft, double levels, double half, double rows):
        self.soft, self.levels, self.half, self.rows = soft, levels, half, rows


cdef gated_average_layer described(const floating[:, :, ::1] pre, const floating[:, ::1] first,
                                   const floating[:, :, ::1] z, const floating[:, :, ::1] h, Gate gate,
                                   Py_ssize_t low, Py_ssize_t high) except *:
    """Return what the loops need to know of the arrays."""
    cdef gated_average_layer p
    p.steps, p.batch, p.n = h.shape[0], h.shape[1], h.shape[2]
    if (pre.shape[0] != p.steps or pre.shape[1] != p.batch or pre.shape[2] != 2 * p.n or first.shape[0] != p.batch
            or first.shape[1] != p.n or z.shape[0] != p.steps or z.shape[1] != p.batch or z.shape[2] != p.n
            or p.steps == 0 or p.n == 0 or not 0 <= low < high <= p.batch):
        raise ValueError(f"cannot work on samples {low} to {high} of ({p.steps}, {p.batch}, {p.n}) states")
    p.low, p.high = low, high
    p.soft, p.levels, p.half, p.rows = gate.soft, gate.levels, gate.half, gate.rows
    return p


def forward(const floating[:, :, ::1] pre, const floating[:, ::1] first, floating[:, :, ::1] z,
            floating[:, :, ::1] h, Gate gate, Py_ssize_t low, Py_ssize_t high):
    """Fill the gates `z` and the states `h` from `pre`, gate inputs before candidates."""
    cdef gated_average_layer p = described(pre, first, z, h, gate, low, high)
    with nogil:
        gated_average_forward(floating is double, &p, &pre[0, 0, 0], &first[0, 0], &z[0, 0, 0], &h[0, 0, 0])


def backward(const floating[:, :, ::1] dh, const floating[:, ::1] first, const floating[:, :, ::1] h,
             const floating[:, :, ::1] z, floating[:, :, ::1] pre, floating[:, ::1] carry, Gate gate,
             Py_ssize_t low, Py_ssize_t high):
    """Overwrite `pre` by dL/dpre; `carry` (batch, n) becomes dL/dfirst."""
    cdef gated_average_layer p = described(pre, first, z, h, gate, low, high)
    if dh.shape[0] != p.steps or dh.shape[1] != p.batch or dh.shape[2] != p.n or carry.shape[0] != p.batch:
        raise ValueError(f"a gradient of ({dh.shape[0]}, {dh.shape[1]}, {dh.shape[2]}) does not fit the states")
    with nogil:
        gated_average_backward(floating is double, &p, &dh[0, 0, 0], &first[0, 0], &h[0, 0, 0], &z[0, 0, 0],
                               &pre[0, 0, 0], &carry[0, 0])
