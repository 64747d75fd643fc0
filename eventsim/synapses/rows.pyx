# cython: boundscheck=False, wraparound=False, cdivision=True
"""Synapses laid out by source: the arrays of a projection put into rows, and each row in the order of its delays."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, qsort

import numpy as np

from eventsim.kernels.memory cimport resized


cdef struct Entry:
    double delay
    double weight
    int32_t target


cdef int by_delay(const void *a, const void *b) noexcept nogil:
    cdef const Entry *x = <const Entry *> a
    cdef const Entry *y = <const Entry *> b
    if x.delay != y.delay:
        return -1 if x.delay < y.delay else 1
    return x.target - y.target


def column(values, order):
    """Return values in storage order, 1-D float32 or float64; a scalar stays one."""
    if np.ndim(values) == 0:
        return float(values)
    values = np.ascontiguousarray(values).reshape(-1)
    if values.dtype != np.float32:
        values = values.astype(np.float64, copy=False)
    return values if order is None else values[order]


def by_source(connections, int n_pre, bint want_order):
    """Return (start, target, order) of the synapses sorted by source, stable, in linear time."""
    cdef const int32_t[::1] pre, post
    cdef int64_t n, k, to
    cdef int32_t per_pre = connections.per_pre, per_post = connections.per_post, source
    if per_pre:
        start_array = np.arange(n_pre + 1, dtype=np.int64) * per_pre
        return start_array, connections.post, None
    pre = connections.pre
    n = pre.shape[0]
    if not per_post:
        post = connections.post
    start_array = np.zeros(n_pre + 1, np.int64)
    target_array = np.empty(n, np.int32)
    order_array = np.empty(n if want_order else 0, np.int32 if n < 2**31 else np.int64)
    cdef int64_t[::1] start = start_array
    cdef int32_t[::1] target = target_array
    cdef int32_t[::1] order = order_array
    with nogil:
        for k in range(n):
            start[pre[k] + 1] += 1
        for source in range(n_pre):
            start[source + 1] += start[source]
        for k in range(n):
            source = pre[k]
            to = start[source]
            start[source] += 1
            target[to] = <int32_t> (k // per_post) if per_post else post[k]
            if want_order:
                order[to] = <int32_t> k
        for source in range(n_pre, 0, -1):  # the cursors stand at the ends of their rows
            start[source] = start[source - 1]
        start[0] = 0
    return start_array, target_array, order_array if want_order else None


def sort_rows(const int64_t[::1] start, const int32_t[::1] target, weight, delay):
    """Return targets, weights and delays with each row sorted by (delay, target)."""
    new_target = np.empty(target.shape[0], np.int32)
    new_delay = np.empty(target.shape[0], delay.dtype)
    new_weight = weight if np.ndim(weight) == 0 else np.empty(target.shape[0], weight.dtype)
    cdef int32_t[::1] t = new_target
    cdef int64_t row, k, n, most = int(np.diff(start).max(initial=0))
    cdef Entry *entries = <Entry *> resized(NULL, most, sizeof(Entry), b"synapses of a row")
    cdef const double[::1] d64, w64
    cdef const float[::1] d32, w32
    cdef double[::1] nd64, nw64
    cdef float[::1] nd32, nw32
    cdef bint delay_is_float64 = delay.dtype == np.float64
    cdef int weight_is_float64 = -1 if np.ndim(weight) == 0 else weight.dtype == np.float64
    if delay_is_float64:
        d64 = delay
        nd64 = new_delay
    else:
        d32 = delay
        nd32 = new_delay
    if weight_is_float64 == 1:
        w64 = weight
        nw64 = new_weight
    elif weight_is_float64 == 0:
        w32 = weight
        nw32 = new_weight
    with nogil:
        for row in range(start.shape[0] - 1):
            n = start[row + 1] - start[row]
            for k in range(n):
                entries[k].delay = d64[start[row] + k] if delay_is_float64 else d32[start[row] + k]
                entries[k].target = target[start[row] + k]
                if weight_is_float64 >= 0:
                    entries[k].weight = w64[start[row] + k] if weight_is_float64 else w32[start[row] + k]
            qsort(entries, n, sizeof(Entry), &by_delay)
            for k in range(n):
                t[start[row] + k] = entries[k].target
                if delay_is_float64:
                    nd64[start[row] + k] = entries[k].delay
                else:
                    nd32[start[row] + k] = <float> entries[k].delay
                if weight_is_float64 == 1:
                    nw64[start[row] + k] = entries[k].weight
                elif weight_is_float64 == 0:
                    nw32[start[row] + k] = <float> entries[k].weight
    free(entries)
    return new_target, new_weight, new_delay
