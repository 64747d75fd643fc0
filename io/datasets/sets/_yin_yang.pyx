# cython: boundscheck=False, wraparound=False, cdivision=True
"""The Yin-Yang generator, compiled: the same samples as the published one, to the bit.

Candidates (x, y) are drawn uniformly until one lies in the class that was drawn first. The numbers
come from MT19937 in the order and with the conversions of NumPy's legacy generator
(`numpy.random.RandomState`), which fixes the samples of a seed. All comparisons are made on
float64 values rounded as in the published code, so nothing here may be contracted or reordered.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    N = 624
    M = 397
    OUTSIDE = -1
    YIN = 0
    YANG = 1
    DOT = 2


cdef struct Twister:
    uint32_t state[N]
    int next


cdef void seed_twister(Twister *twister, uint32_t seed) noexcept nogil:
    cdef int i
    twister.state[0] = seed
    for i in range(1, N):
        seed = 1812433253u * (seed ^ (seed >> 30)) + <uint32_t> i
        twister.state[i] = seed
    twister.next = N


cdef inline uint32_t twist(uint32_t upper, uint32_t lower) noexcept nogil:
    cdef uint32_t y = (upper & 0x80000000u) | (lower & 0x7FFFFFFFu)
    return (y >> 1) ^ ((~((y & 1) - 1)) & 0x9908B0DFu)


cdef void refill(Twister *twister) noexcept nogil:
    cdef uint32_t *state = twister.state
    cdef int i
    for i in range(N - M):
        state[i] = state[i + M] ^ twist(state[i], state[i + 1])
    for i in range(N - M, N - 1):
        state[i] = state[i + M - N] ^ twist(state[i], state[i + 1])
    state[N - 1] = state[M - 1] ^ twist(state[N - 1], state[0])
    twister.next = 0


cdef inline uint32_t draw(Twister *twister) noexcept nogil:
    cdef uint32_t y
    if twister.next == N:
        refill(twister)
    y = twister.state[twister.next]
    twister.next += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680u
    y ^= (y << 15) & 0xEFC60000u
    return y ^ (y >> 18)


cdef inline double draw_double(Twister *twister) noexcept nogil:
    cdef uint32_t a = draw(twister) >> 5
    cdef uint32_t b = draw(twister) >> 6
    return (a * 67108864.0 + b) / 9007199254740992.0


cdef inline int draw_class(Twister *twister) noexcept nogil:
    cdef int goal = 3
    while goal == 3:
        goal = <int> (draw(twister) & 3u)
    return goal


cdef inline double distance(double x, double y, double x0, double y0) noexcept nogil:
    return sqrt((x - x0) * (x - x0) + (y - y0) * (y - y0))


cdef inline int class_of(double x, double y, double r_small, double r_big) noexcept nogil:
    """Return the class of a point, or OUTSIDE."""
    cdef double right, left
    if distance(x, y, r_big, r_big) > r_big:
        return OUTSIDE
    right = distance(x, y, 1.5 * r_big, r_big)
    left = distance(x, y, 0.5 * r_big, r_big)
    if right < r_small or left < r_small:
        return DOT
    if right <= r_small or (r_small < left and left <= 0.5 * r_big) or (y > r_big and right > 0.5 * r_big):
        return YANG
    return YIN


def generate(Py_ssize_t size, uint32_t seed, double r_small, double r_big):
    """Return samples (size, 4), labels (size,), and how many candidates were drawn."""
    samples_array = np.empty((size, 4))
    labels_array = np.empty(size, np.int64)
    cdef double[:, ::1] samples = samples_array
    cdef int64_t[::1] labels = labels_array
    cdef Twister twister
    cdef Py_ssize_t i
    cdef int64_t n_candidates = 0
    cdef int goal
    cdef double x = 0, y = 0
    with nogil:
        seed_twister(&twister, seed)
        for i in range(size):
            goal = draw_class(&twister)
            while True:
                x = draw_double(&twister) * 2.0 * r_big
                y = draw_double(&twister) * 2.0 * r_big
                n_candidates += 1
                if n_candidates & 0xFFFFFF == 0:
                    with gil:
                        PyErr_CheckSignals()
                if class_of(x, y, r_small, r_big) == goal:
                    break
            samples[i, 0] = x
            samples[i, 1] = y
            samples[i, 2] = 1.0 - x
            samples[i, 3] = 1.0 - y
            labels[i] = goal
    return samples_array, labels_array, n_candidates


def classes(const double[:, :] points, double r_small, double r_big):
    """Return the class of each point (x, y), -1 outside the disc; shape (n,), int64."""
    labels_array = np.empty(points.shape[0], np.int64)
    cdef int64_t[::1] labels = labels_array
    cdef Py_ssize_t i
    for i in range(points.shape[0]):
        labels[i] = class_of(points[i, 0], points[i, 1], r_small, r_big)
    return labels_array
