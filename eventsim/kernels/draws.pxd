"""Random numbers by key and count: the k-th number of a key needs none of those before it."""

from libc.math cimport ceil
from libc.stdint cimport uint64_t


cdef extern from "eventsim/kernels/normals.h" nogil:
    double eventsim_normal(double u)
    void eventsim_normals(double *u, Py_ssize_t n)


cdef inline uint64_t mixed(uint64_t z) noexcept nogil:
    """Scramble 64 bits (splitmix64, Steele et al. 2014)."""
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t key_at(uint64_t key, uint64_t k) noexcept nogil:
    """Return the k-th 64 bits of a key."""
    return mixed(key + (k + 1) * <uint64_t> 0x9E3779B97F4A7C15)


cdef inline double uniform_at(uint64_t key, uint64_t k) noexcept nogil:
    """Return the k-th number of a key, uniform in (0, 1)."""
    return ((key_at(key, k) >> 11) + 0.5) * (1.0 / 9007199254740992.0)


cdef inline double normal_at(uint64_t key, uint64_t k) noexcept nogil:
    """Return the k-th standard normal number of a key."""
    return eventsim_normal(uniform_at(key, k))


cdef inline double stamped(double time, double step) noexcept nogil:
    """Return the first multiple of `step` that is not before `time`."""
    cdef double k = ceil(time / step)
    if (k - 1.0) * step >= time:  # the quotient was rounded up
        k -= 1.0
    elif k * step < time:
        k += 1.0
    return k * step
