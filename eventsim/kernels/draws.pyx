# cython: boundscheck=False, wraparound=False, cdivision=True
"""Random numbers by key and count, how late spikes are, and a clock's time stamps, for arrays.

The k-th number of a key is a hash of both, so it depends neither on the order in which numbers are asked for nor
on how many there are. `eventsim.rng` makes the keys of a seed; here they branch by index, so that each unit, or
each synapse of an array, has a key of its own.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint64_t

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


def lateness(key, mean, deviation):
    """Return normal numbers of keys, not below 0, and which of them would be.

    Parameters
    ----------
    key : array_like of uint64, shape (n_samples, n)
    mean, deviation : ndarray, shape (n,), float64

    Returns
    -------
    ndarray, shape (n_samples, n), float64
        ``max(mean + deviation * x, 0)``, x standard normal.
    ndarray, shape (n_samples, n), bool
    """
    cdef const double[::1] at = np.ascontiguousarray(mean, np.float64)
    cdef const double[::1] wide = np.ascontiguousarray(deviation, np.float64)
    found = normals(key)
    below = np.empty(found.shape, np.bool_)
    if found.ndim != 2 or not found.shape[1] == at.shape[0] == wide.shape[0]:
        raise ValueError(
            f"keys have shape {found.shape}, expected (n_samples, {at.shape[0]}) and {at.shape[0]} deviations"
        )
    cdef double[:, ::1] late = found
    cdef uint8_t[:, ::1] early = below.view(np.uint8)
    cdef Py_ssize_t sample, k
    cdef double value
    for sample in range(late.shape[0]):
        for k in range(late.shape[1]):
            value = at[k] + wide[k] * late[sample, k]
            early[sample, k] = value < 0.0
            late[sample, k] = 0.0 if value < 0.0 else value
    return found, below


def lost_and_cut(const double[:, :] times, const double[:, :] late, below, double until):
    """Return how many spikes before `until` are lost (late for ever), and how many others would be early.

    Parameters
    ----------
    times, late : ndarray, shape (n_samples, n), float64
    below : ndarray, shape (n_samples, n), bool
        Which spikes would leave before they came.
    until : float
    """
    cdef const uint8_t[:, :] early = below.view(np.uint8)
    cdef Py_ssize_t sample, k, lost = 0, cut = 0
    cdef bint there, never
    if not (times.shape[0] == late.shape[0] == early.shape[0] and times.shape[1] == late.shape[1] == early.shape[1]):
        raise ValueError("times, late and below must have one shape")
    for sample in range(times.shape[0]):
        for k in range(times.shape[1]):
            there = times[sample, k] < until
            never = late[sample, k] == INFINITY
            lost += there & never
            cut += there & early[sample, k] & (not never)
    return lost, cut


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
