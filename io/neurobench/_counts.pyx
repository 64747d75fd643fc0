# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True
"""Counts of values that are not zero, in one pass over an array: what all metrics of a workload stand on."""

from libc.stdint cimport int32_t, int64_t

import numpy as np

ctypedef fused Real:
    float
    double


def count_nonzero(const Real[:, :, ::1] x):
    """Return how many rows of each call are not 0, by column, and which calls hold other values than -1, 0, 1.

    Parameters
    ----------
    x : memoryview of float32 or float64, shape (calls, rows, n)

    Returns
    -------
    counts : ndarray of int64, shape (calls, n)
    valued : ndarray of bool, shape (calls,)
    """
    cdef Py_ssize_t call, row, i, n_calls = x.shape[0], n_rows = x.shape[1], n = x.shape[2]
    counts, valued = np.zeros((n_calls, n), np.int64), np.zeros(n_calls, np.uint8)
    cdef int64_t[:, ::1] totals = counts
    cdef unsigned char[::1] others = valued
    # Sums are of the type of the values, so that a loop has one width: exact up to 2^24 rows.
    cdef Real[::1] column = np.zeros(max(n, 1), np.float32 if Real is float else np.float64)
    cdef Real *own = &column[0]
    cdef const Real *values
    cdef int32_t narrow
    cdef int64_t wide = 0
    if n_rows == 0 or n == 0:
        return counts, valued.view(np.bool_)
    with nogil:
        for call in range(n_calls):
            wide = 0
            for i in range(n):
                own[i] = 0
            for row in range(n_rows):
                values = &x[call, row, 0]
                for i in range(n):
                    own[i] += values[i] != 0
                if wide != 0:  # known already
                    continue
                if Real is float:
                    narrow = 0
                    for i in range(n):
                        narrow |= (values[i] != 0) & (values[i] * values[i] != 1)
                    wide = narrow
                else:
                    for i in range(n):
                        wide |= (values[i] != 0) & (values[i] * values[i] != 1)
            for i in range(n):
                totals[call, i] = <int64_t> own[i]
            others[call] = wide != 0
    return counts, valued.view(np.bool_)


def count_changes(const Real[:, ::1] v):
    """Return how many values differ from the one a row before, over all rows but the first."""
    cdef Py_ssize_t row, i, n = v.shape[1]
    cdef int64_t total = 0
    cdef int32_t changed
    cdef const Real *now
    cdef const Real *before
    with nogil:
        for row in range(1, v.shape[0]):
            now, before = &v[row, 0], &v[row - 1, 0]
            changed = 0
            for i in range(n):
                changed += now[i] != before[i]
            total += changed
    return total
