"""Membranes of neurons without synaptic current while windows pass over them."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from eventsim.models.lif._ordered cimport UnitState
from eventsim.models.lif.flow cimport Cell
from eventsim.population cimport Arrival


cdef class JumpWindow:
    cdef int n
    cdef readonly bint loaded           # whether the membranes are held here; else in the records of the units
    cdef double time                    # of the membranes
    cdef double v_inf
    cdef bint one_limit
    cdef double *v                      # (n,)
    cdef double *sum                    # (n,) what the arrivals of a window add to v by its end
    cdef double *highest                # (n,) and at most at any time in it
    cdef double *limit                  # (1,) or (n,) of v
    cdef uint64_t *chosen               # one bit for each unit that is replayed
    cdef int32_t *unit                  # those units
    cdef int n_chosen
    cdef int32_t *resting               # refractory units, and where they are held
    cdef double *resting_v
    cdef int n_resting
    # arrivals at chosen units, in order of time
    cdef double *found_time
    cdef double *found_weight
    cdef int32_t *found_unit
    cdef int32_t *place                 # work space
    cdef Py_ssize_t n_found, found_room, place_room

    cdef int allocate(self) except -1 nogil
    cdef bint load(self, UnitState *units, const Cell *cells, int stride, double start) except -1 nogil
    cdef void unload(self, UnitState *units) noexcept nogil
    cdef int carry(self, UnitState *units, const Cell *cells, double start, double end,
                   const Arrival *arrivals, Py_ssize_t n) except -1 nogil
    cdef void give(self, UnitState *units, int unit, double start) noexcept nogil
    cdef void take(self, UnitState *units, int unit, double end) noexcept nogil
    cdef void sort_found(self, int64_t *offset, double *time, double *weight) noexcept nogil
    cdef bint add(self, const Cell *c, double end, const Arrival *arrivals, Py_ssize_t n) noexcept nogil
    cdef int find(self, const Arrival *arrivals, Py_ssize_t n) except -1 nogil
    cdef int make_room(self, Py_ssize_t n, Py_ssize_t longest) except -1 nogil
