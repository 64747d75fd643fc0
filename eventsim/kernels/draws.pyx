# cython: boundscheck=False, wraparound=False, cdivision=True
"""Random numbers by key and count, and a clock's time stamps, for arrays.

The k-th number of a key is a hash of both, so it depends neither on the order in which numbers are asked for nor
on how many there are. `eventsim.rng` makes the keys of a seed; here they branch by index, so that each unit, or
each synapse of an array, has a key of its own.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint64_t

import numpy as np


def keys(base, index):
    """Return the keys that branch off others by index.

    Parameters
    ----------
    base : int or array_like of uint64
    index : array_like of int
        Broadcast against `base`.

    Returns
    -------
    ndarray of uint64, in the shape that both have together
    """
    all_base, all_index = np.asarray(base, np.uint64), np.asarray(index).astype(np.uint64)
    if all_base.ndim == 0:
        return branched(all_base.reshape(1, 1), all_index.reshape(1, -1)).reshape(all_index.shape)
    if all_index.ndim == 0:
        return branched(all_base.reshape(-1, 1), all_index.reshape(1, 1)).reshape(all_base.shape)
    if all_base.ndim == 2 and all_index.ndim == 2 and all_base.shape[1] == 1 and all_index.shape[0] == 1:
        return branched(all_base, all_index)
    all_base, all_index = np.broadcast_arrays(all_base, all_index)
    out = np.empty(all_base.size, np.uint64)
    for k, (b, i) in enumerate(zip(all_base.flat, all_index.flat)):
        out[k] = key_at(b, i)
    return out.reshape(all_base.shape)


cdef branched(const uint64_t[:, :] base, const uint64_t[:, :] index):
    """Return the keys of all pairs of a column (n, 1) and a row (1, m), shape (n, m)."""
    out = np.empty((base.shape[0], index.shape[1]), np.uint64)
    cdef uint64_t[:, ::1] o = out
    cdef Py_ssize_t row, k
    for row in range(o.shape[0]):
        for k in range(o.shape[1]):
            o[row, k] = key_at(base[row, 0], index[0, k])
    return out


def uniforms(key, uint64_t count=0):
    """Return number `count` of each key, uniform in (0, 1), float64."""
    array = np.ascontiguousarray(key, np.uint64)
    out = np.empty(array.shape)
    cdef const uint64_t[::1] a = array.reshape(-1)
    cdef double[::1] o = out.reshape(-1)
    cdef Py_ssize_t k
    for k in range(o.shape[0]):
        o[k] = uniform_at(a[k], count)
    return out


def normals(key, uint64_t count=0):
    """Return standard normal number `count` of each key, float64."""
    out = uniforms(key, count)
    cdef double[::1] o = out.reshape(-1)
    if o.shape[0]:
        eventsim_normals(&o[0], o.shape[0])
    return out


def stamps(times, double step):
    """Return the time stamps of a clock: of each time the first multiple of `step` not before it; inf stays."""
    array = np.ascontiguousarray(times, np.float64)
    out = np.empty(array.shape)
    cdef const double[::1] a = array.reshape(-1)
    cdef double[::1] o = out.reshape(-1)
    cdef Py_ssize_t k
    for k in range(o.shape[0]):
        o[k] = stamped(a[k], step) if a[k] < INFINITY else a[k]
    return out
