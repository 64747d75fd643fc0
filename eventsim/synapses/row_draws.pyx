# cython: boundscheck=False, wraparound=False, cdivision=True
# distutils: extra_compile_args = -O3
"""Targets of a source, drawn from a key of the source's own, so that any row can be drawn alone, at any time.

Draw j of source i is a hash of the projection's key, i and j (`eventsim.kernels.draws`): no draw needs another one.
With a fixed number of targets draw j gives target j, by a multiplication of 64 bits (Lemire 2019); no number below n is
more likely than another by more than n / 2**64. Where each pair is connected with probability p the gaps between
targets are geometrically distributed, 1 + floor(log(u) / log(1 - p)).
"""

from libc.math cimport log, log1p, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t

import numpy as np

from eventsim.kernels.draws cimport key_at, uniform_at


cdef uint64_t LOW = 0xFFFFFFFF


cdef inline uint64_t below(uint64_t x, uint64_t n) noexcept nogil:
    """Return floor(x n / 2**64), for n < 2**32."""
    return ((x >> 32) * n + (((x & LOW) * n) >> 32)) >> 32


cdef class RowDraws:
    """The targets of each of `n_pre` sources among `n_post` units.

    Parameters
    ----------
    n_pre, n_post : int
    key : int
        Of the projection, 64 bits.
    k : int
        Targets of each source, with repetition; -1 if each pair is drawn instead,
    p : float
        with this probability.
    autapses : bool
        Whether a source may be its own target.
    """

    def __init__(self, int n_pre, int n_post, key, int k=-1, double p=0.0, bint autapses=True):
        self.n_pre, self.n_post, self.key, self.k, self.p, self.autapses = n_pre, n_post, key, k, p, autapses
        self.allowed = n_post if autapses else max(n_post - 1, 0)
        self.scale = 1.0 / log1p(-p) if 0.0 < p < 1.0 else 0.0

    cdef Py_ssize_t most(self) noexcept nogil:
        return self.k if self.k >= 0 else self.allowed

    cdef Py_ssize_t usual(self) noexcept nogil:
        cdef double expected = self.allowed * self.p
        if self.k >= 0:
            return self.k
        return min(<Py_ssize_t> (expected + 12.0 * sqrt(expected) + 64.0), <Py_ssize_t> self.allowed)

    cdef Py_ssize_t draw(self, int source, int32_t *target, Py_ssize_t room) noexcept nogil:
        cdef uint64_t row = key_at(self.key, <uint64_t> source)
        cdef uint64_t n = <uint64_t> self.allowed, j = 0
        cdef Py_ssize_t count = 0
        cdef int64_t place = -1
        cdef double gap
        cdef int32_t last = self.n_post if self.autapses else source    # targets from here on are one further
        if self.k >= 0:
            if self.k > room:
                return -1
            for j in range(<uint64_t> self.k):
                target[j] = <int32_t> below(key_at(row, j), n)
            if not self.autapses:
                for count in range(self.k):
                    target[count] += target[count] >= last
            return self.k
        if self.p <= 0.0:
            return 0
        while True:
            gap = 1.0
            if self.p < 1.0:
                gap += <double> <int64_t> min(log(uniform_at(row, j)) * self.scale, 4e9)
                j += 1
            if gap > self.allowed - 1 - place:
                return count
            place += <int64_t> gap
            if count == room:
                return -1
            target[count] = <int32_t> place + (place >= last)
            count += 1

    @property
    def expected(self):
        """How many synapses there are, or are to be expected."""
        return self.n_pre * (self.k if self.k >= 0 else round(self.allowed * self.p))

    def row(self, int source):
        """Return the targets of a source, int32."""
        if not 0 <= source < self.n_pre:
            raise IndexError(f"sources are 0..{self.n_pre - 1}, got {source}")
        found = np.empty(max(self.most(), 1), np.int32)
        cdef int32_t[::1] view = found
        cdef Py_ssize_t n = self.draw(source, &view[0], self.most())
        return found[:n].copy()

    def rows(self):
        """Return (counts, targets) of all sources: how many targets each has, int64, and the targets, int32."""
        counts = np.zeros(self.n_pre, np.int64)
        cdef int64_t[::1] n = counts
        cdef int source
        cdef Py_ssize_t at = 0, found, most = self.most()
        target = np.empty(int(self.expected * 1.02) + 16 * self.usual() + 1, np.int32)
        cdef int32_t[::1] t = target
        for source in range(self.n_pre):
            found = self.draw(source, &t[at], t.shape[0] - at)
            if found < 0:
                target = np.concatenate([target, np.empty(target.size // 4 + most, np.int32)])
                t = target
                found = self.draw(source, &t[at], t.shape[0] - at)
            n[source] = found
            at += found
        return counts, target[:at].copy() if at < target.size else target
