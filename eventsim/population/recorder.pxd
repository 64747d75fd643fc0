"""Growing columns of what a run leaves behind, filled without the GIL."""

from libc.stdint cimport int32_t


cdef class SpikeLog:
    """Times and units of the spikes of one population."""

    cdef double *time
    cdef int32_t *unit
    cdef Py_ssize_t n, capacity
    cdef int append(self, double time, int unit) except -1 nogil
    cdef int grow(self) except -1 nogil
    cdef int sort(self) except -1 nogil


cdef class SampleLog:
    """Rows of sampled values, or (time, column, value) triples at events."""

    cdef double *time
    cdef double *value
    cdef int32_t *column
    cdef readonly int width                 # columns of a row; 0 for triples
    cdef Py_ssize_t n, capacity             # rows, or triples
    cdef double *row(self, double time) except NULL nogil
    cdef int triple(self, double time, int column, double value) except -1 nogil
    cdef int grow(self) except -1 nogil
