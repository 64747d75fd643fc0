# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops over time of `RecurrentLIF`, for some samples of a batch, without the GIL; see lif.h."""

from cython cimport floating
from libc.string cimport memcpy, memset

from eventsim.kernels.products cimport products_multiply

cdef extern from "eventsim/models/layers/kernels/lif.h" nogil:
    ctypedef struct lif_layer:
        ptrdiff_t steps, batch, n, low, high, row
        const void *alpha
        const void *threshold
        int surrogate, smooth
        double width
        const void *grid
    void lif_forward(int is_float64, const lif_layer *p, const void *current, const void *first_v,
                     const void *first_s, void *v, void *s)
    void lif_row_back_f32(int kind, int parameters, int smooth, float width, ptrdiff_t n, const float *alpha,
                          const float *threshold, const float *ds, float *v, float *by_alpha, float *by_threshold,
                          float *lam)
    void lif_row_back_f64(int kind, int parameters, int smooth, double width, ptrdiff_t n, const double *alpha,
                          const double *threshold, const double *ds, double *v, double *by_alpha,
                          double *by_threshold, double *lam)

cdef enum:
    BLOCK = 256  # inputs that are summed in one go, as in products.pyx


cdef void add_product(Py_ssize_t rows, Py_ssize_t n, const floating *x, const floating *weight,
                      floating *y) noexcept nogil:
    """Add x W to y, rows of n values; sums run in one order whatever the number of rows."""
    cdef Py_ssize_t first = 0, deep
    while first < n:
        deep = min(<Py_ssize_t> BLOCK, n - first)
        products_multiply(floating is double, rows, n, deep, 1.0, x + first, n, 1, weight + first * n, y)
        first += deep


def forward(floating[:, :, ::1] current, const floating[:, ::1] recurrent, const floating[::1] alpha,
            const floating[::1] threshold, const floating[:, ::1] first_v, const floating[:, ::1] first_s,
            floating[:, :, ::1] v, floating[:, :, ::1] s, int surrogate, double width, bint smooth, Py_ssize_t low,
            Py_ssize_t high, const floating[:, ::1] grid=None):
    """Fill `v` and `s`; spikes of the step before are added to `current` through `recurrent` (n, n)."""
    cdef Py_ssize_t t, steps = current.shape[0], n = current.shape[2]
    cdef lif_layer p
    cdef const floating *spikes
    cdef const floating *membranes
    if (steps == 0 or not 0 <= low < high <= current.shape[1] or alpha.shape[0] % n or recurrent.shape[0] != n
            or recurrent.shape[1] != n or alpha.shape[0] != threshold.shape[0]):
        raise ValueError(f"cannot work on samples {low} to {high} of {steps} steps of {n} units")
    memset(&p, 0, sizeof(p))  # what these loops do not use, such as counts of spikes, is NULL
    p.steps, p.batch, p.n, p.low, p.high, p.row = 1, current.shape[1], n, low, high, alpha.shape[0]
    p.alpha, p.threshold, p.surrogate, p.smooth, p.width = &alpha[0], &threshold[0], surrogate, smooth, width
    p.grid = NULL if grid is None else &grid[0, 0]
    with nogil:
        for t in range(steps):
            spikes = &first_s[0, 0] if t == 0 else &s[t - 1, 0, 0]
            membranes = &first_v[0, 0] if t == 0 else &v[t - 1, 0, 0]
            add_product(high - low, n, spikes + low * n, &recurrent[0, 0], &current[t, low, 0])
            lif_forward(floating is double, &p, &current[t, 0, 0], membranes, spikes, &v[t, 0, 0], &s[t, 0, 0])


def backward(const floating[:, :, ::1] ds, const floating[:, ::1] turned, const floating[::1] alpha,
             const floating[::1] threshold, floating[:, :, ::1] v, floating[:, ::1] by_alpha,
             floating[:, ::1] by_threshold, floating[:, ::1] lam, floating[:, ::1] room, int surrogate, double width,
             bint smooth, Py_ssize_t low, Py_ssize_t high):
    """Overwrite `v` by dL/dcurrent, and add to sums over time (batch, n), either of which may be None.

    `turned` is the transposed recurrent matrix; `lam` and the sums begin at 0; `room` (batch, n) is overwritten.
    """
    cdef Py_ssize_t t, i, m, n = ds.shape[2], row = alpha.shape[0], begin = low * n, end = high * n
    cdef int wanted = (by_alpha is not None) + 2 * (by_threshold is not None)
    cdef floating *to_alpha = NULL if by_alpha is None else &by_alpha[0, 0]
    cdef floating *to_threshold = NULL if by_threshold is None else &by_threshold[0, 0]
    cdef floating *error = &room[0, 0]
    with nogil:
        for t in range(ds.shape[0] - 1, -1, -1):
            memcpy(error + begin, &ds[t, low, 0], (end - begin) * sizeof(floating))
            add_product(high - low, n, &lam[low, 0], &turned[0, 0], error + begin)
            i = begin
            while i < end:
                m = min(row, end - i)
                if floating is float:
                    lif_row_back_f32(surrogate, wanted, smooth, <float> width, m, &alpha[0], &threshold[0], error + i,
                                     &v[t, 0, 0] + i, to_alpha + i if to_alpha is not NULL else NULL,
                                     to_threshold + i if to_threshold is not NULL else NULL, &lam[0, 0] + i)
                else:
                    lif_row_back_f64(surrogate, wanted, smooth, width, m, &alpha[0], &threshold[0], error + i,
                                     &v[t, 0, 0] + i, to_alpha + i if to_alpha is not NULL else NULL,
                                     to_threshold + i if to_threshold is not NULL else NULL, &lam[0, 0] + i)
                i += m
