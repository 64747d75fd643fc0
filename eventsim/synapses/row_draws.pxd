"""Targets of a source, drawn from a key of the source's own."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef class RowDraws:
    cdef readonly int n_pre, n_post
    cdef readonly int k                 # targets of each source; -1 where each pair is drawn
    cdef readonly double p              # probability of a pair
    cdef readonly bint autapses
    cdef uint64_t key
    cdef int allowed                    # targets that a source may have
    cdef double scale                   # 1 / log(1 - p)
    # Write the targets of a source and return how many they are; -1 if they are more than `room`.
    cdef Py_ssize_t draw(self, int source, int32_t *target, Py_ssize_t room) noexcept nogil
    # Room that the targets of a source hardly ever exceed, and never.
    cdef Py_ssize_t usual(self) noexcept nogil
    cdef Py_ssize_t most(self) noexcept nogil
