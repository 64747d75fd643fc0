"""Predicted threshold crossings, one per slot."""

from libc.stdint cimport int32_t


cdef struct Crossing:
    double time
    int32_t slot


cdef class CrossingHeap:
    cdef readonly int n_slots
    cdef readonly int n_predicted
    cdef double top_time                # inf when nothing is predicted
    cdef Crossing *heap                 # 4-ary, by (time, slot)
    cdef int32_t *position              # of each slot in the heap, -1 if nothing is predicted

    cdef int grow(self, int n) except -1
    # Set the crossing of a slot; inf removes it. `slot` must be below n_slots and time not nan.
    cdef void set(self, int slot, double time) noexcept nogil
    cdef int top_slot(self) noexcept nogil
    cdef double get(self, int slot) noexcept nogil
    cdef void clear(self) noexcept nogil
    cdef void rise(self, int hole, Crossing key) noexcept nogil
    cdef void sink(self, int hole, Crossing key) noexcept nogil
