# cython: boundscheck=False, wraparound=False, cdivision=True
"""Counts of values that are not zero, in one pass over an array: what all metrics of a workload stand on."""

from libc.stdint cimport int32_t, int64_t

import numpy as np

cdef extern from "_counts.h" nogil:
    int count_call_f32(Py_ssize_t rows, Py_ssize_t n, const float *x, int32_t *totals)
    int count_call_f64(Py_ssize_t rows, Py_ssize_t n, const double *x, int64_t *totals)
    int64_t differ_f32(Py_ssize_t n, const float *now, const float *before)
    int64_t differ_f64(Py_ssize_t n, const double *now, const double *before)

ctypedef fused Real:
    float
    double


def count_nonzero(const Real[:, :, ::1] x):
    """Return how many rows of each call are not 0, by column, and which calls hold other values than -1, 0, 1.

    Parameters
    ----------
    x : memoryview of float32 or float64, shape (calls, rows, n)
        Of float32 less than 2^31 rows.

    Returns
    -------
    counts : ndarray of int32 or int64, as wide as the values, shape (calls, n)
    valued : ndarray of bool, shape (calls,)
    """
    cdef Py_ssize_t call, n_calls = x.shape[0], n_rows = x.shape[1], n = x.shape[2]
    counts = np.zeros((n_calls, n), np.int32 if Real is float else np.int64)
    valued = np.zeros(n_calls, np.uint8)
    cdef unsigned char[::1] others = valued
    cdef int32_t[:, ::1] narrow
    cdef int64_t[:, ::1] wide
    if n_rows == 0 or n == 0 or n_calls == 0:
        return counts, valued.view(np.bool_)
    if Real is float:
        narrow = counts
    else:
        wide = counts
    with nogil:
        for call in range(n_calls):
            if Real is float:
                others[call] = count_call_f32(n_rows, n, &x[call, 0, 0], &narrow[call, 0])
            else:
                others[call] = count_call_f64(n_rows, n, &x[call, 0, 0], &wide[call, 0])
    return counts, valued.view(np.bool_)


def count_changes(const Real[:, ::1] v):
    """Return how many values differ from the one a row before, over all rows but the first."""
    cdef Py_ssize_t row, n = v.shape[1]
    cdef int64_t total = 0
    if n == 0:
        return 0
    with nogil:
        for row in range(1, v.shape[0]):
            if Real is float:
                total += differ_f32(n, &v[row, 0], &v[row - 1, 0])
            else:
                total += differ_f64(n, &v[row, 0], &v[row - 1, 0])
    return total
