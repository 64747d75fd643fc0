# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Windows of neurons without synaptic current: little is read and written of units to which little happens.

While windows pass, the membranes lie here side by side, all at the time to which the last window came, and a step of
a few vector operations carries them (`_jump_window.h`). The units that may fire, or whose refractory time ends, are
chosen; their state goes back to their records, where `_windows.pyx` replays their arrivals. The arithmetic is that
of its `skip_subthreshold`, so spikes have the same bits.
"""

from libc.math cimport exp, fmax
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free

from eventsim.kernels.memory cimport resized, zeroed
from eventsim.kernels.pages cimport huge_pages
from eventsim.models.lif._ordered cimport UnitState
from eventsim.models.lif.flow cimport Cell
from eventsim.population cimport Arrival, SynapseGroup, group_target, group_weight


cdef extern from "eventsim/models/lif/_jump_window.h" nogil:
    void jumps_fetch(const int32_t *target, Py_ssize_t n)
    void jumps_add(double *sum, const int32_t *target, Py_ssize_t n, double value)
    bint jumps_chosen(const uint64_t *chosen, int32_t unit)
    Py_ssize_t jumps_find(const uint64_t *chosen, const int32_t *target, Py_ssize_t n, int32_t *found)
    void jumps_carry(double *v, double *sum, double *highest, const double *limit, bint one_limit, Py_ssize_t n,
                     double v_inf, double decay, uint64_t *chosen)
    enum:
        JUMP_WORD
    int jumps_lowest(uint64_t word)

cdef enum:
    AHEAD = 2       # arrivals whose targets are fetched before their turn


cdef class JumpWindow:
    """Work space for windows over `n` neurons."""

    def __init__(self, int n):
        self.n = n

    def __dealloc__(self):
        free(self.v)
        free(self.sum)
        free(self.highest)
        free(self.limit)
        free(self.chosen)
        free(self.unit)
        free(self.resting)
        free(self.resting_v)
        free(self.found_time)
        free(self.found_weight)
        free(self.found_unit)
        free(self.place)

    cdef int allocate(self) except -1 nogil:
        cdef size_t n = self.n
        self.v = <double *> zeroed(n, sizeof(double), b"membranes")
        self.sum = <double *> zeroed(n, sizeof(double), b"membranes")
        self.highest = <double *> zeroed(n, sizeof(double), b"membranes")
        self.limit = <double *> zeroed(n, sizeof(double), b"membranes")
        self.chosen = <uint64_t *> zeroed(n // JUMP_WORD + 1, sizeof(uint64_t), b"membranes")
        self.unit = <int32_t *> zeroed(n, sizeof(int32_t), b"membranes")
        self.resting = <int32_t *> zeroed(n, sizeof(int32_t), b"membranes")
        self.resting_v = <double *> zeroed(n, sizeof(double), b"membranes")
        huge_pages(self.v, n * sizeof(double))
        huge_pages(self.sum, n * sizeof(double))
        huge_pages(self.highest, n * sizeof(double))
        return 0

    cdef bint load(self, UnitState *units, const Cell *cells, int stride, double start) except -1 nogil:
        """Take the membranes over; returns whether that was possible: all units must have come to `start`."""
        cdef const Cell *c
        cdef int unit
        if self.resting_v == NULL:
            self.allocate()
        for unit in range(self.n):
            if units[unit].t != start:
                return False
        self.n_resting = 0
        for unit in range(self.n):
            self.v[unit] = units[unit].v
            if units[unit].refractory_end > start:
                self.resting[self.n_resting] = unit
                self.n_resting += 1
        self.v_inf = cells.v_inf
        self.one_limit = stride == 0
        for unit in range(self.n if stride else 1):
            c = cells + unit
            # Rounding must not let a unit pass that touches the threshold.
            self.limit[unit] = c.v_th - 1e-9 * (fmax(c.v_th - c.v_reset, c.v_th - c.v_leak))
        self.time = start
        self.loaded = True
        return True

    cdef void unload(self, UnitState *units) noexcept nogil:
        """Give the membranes back to the records."""
        cdef int unit
        for unit in range(self.n):
            units[unit].v = self.v[unit]
            units[unit].t = self.time
        self.loaded = False

    cdef int carry(self, UnitState *units, const Cell *cells, double start, double end,
                   const Arrival *arrivals, Py_ssize_t n) except -1 nogil:
        """Carry all units that cannot fire to `end`; choose the others, and find their arrivals."""
        cdef bint excited = self.add(cells, end, arrivals, n)
        cdef uint64_t word
        cdef int k, unit, n_resting = 0
        for k in range(self.n_resting):
            self.resting_v[k] = self.v[self.resting[k]]
        jumps_carry(self.v, self.sum, self.highest if excited else NULL, self.limit, self.one_limit, self.n, self.v_inf,
                    exp(-(end - start) * cells.rate_mem), self.chosen)
        for k in range(self.n_resting):
            unit = self.resting[k]
            if units[unit].refractory_end <= start:
                continue
            self.v[unit] = self.resting_v[k]    # it is held, and its arrivals are lost
            if units[unit].refractory_end < end:
                self.chosen[unit // JUMP_WORD] |= <uint64_t> 1 << (unit % JUMP_WORD)
            else:
                self.chosen[unit // JUMP_WORD] &= ~(<uint64_t> 1 << (unit % JUMP_WORD))
                self.resting[n_resting] = unit
                n_resting += 1
        self.n_resting = n_resting
        self.n_chosen = 0
        for k in range((self.n + JUMP_WORD - 1) // JUMP_WORD):
            word = self.chosen[k]
            while word:
                self.unit[self.n_chosen] = k * JUMP_WORD + jumps_lowest(word)
                self.n_chosen += 1
                word &= word - 1
        self.n_found = 0
        if self.n_chosen:
            self.find(arrivals, n)
        self.time = end
        return 0

    cdef bint add(self, const Cell *c, double end, const Arrival *arrivals, Py_ssize_t n) noexcept nogil:
        """Add up what the arrivals of a window do by its end; returns whether any may raise a membrane."""
        cdef const SynapseGroup *group
        cdef bint excited = False
        cdef Py_ssize_t a, k
        cdef double decay, w
        cdef int unit
        for a in range(n):
            group = &arrivals[a].group
            if a + AHEAD < n and arrivals[a + AHEAD].group.target != NULL:
                jumps_fetch(arrivals[a + AHEAD].group.target, arrivals[a + AHEAD].group.n)
            decay = exp(-(end - arrivals[a].time) * c.rate_mem)
            if group.w64 == NULL and group.w32 == NULL and group.target != NULL:
                jumps_add(self.sum, group.target, group.n, decay * group.w)
                if group.w > 0.0:
                    excited = True
                    jumps_add(self.highest, group.target, group.n, group.w)
                continue
            for k in range(group.n):
                unit = group_target(group, k)
                w = group_weight(group, k)
                self.sum[unit] += w * decay
                if w > 0.0:
                    excited = True
                    self.highest[unit] += w
        return excited

    cdef int find(self, const Arrival *arrivals, Py_ssize_t n) except -1 nogil:
        """List the arrivals at chosen units."""
        cdef const SynapseGroup *group
        cdef Py_ssize_t a, k, n_places, to
        for a in range(n):
            group = &arrivals[a].group
            self.make_room(self.n_found + group.n, group.n)
            if group.target != NULL:
                n_places = jumps_find(self.chosen, group.target, group.n, self.place)
            else:
                n_places = 0
                for k in range(group.n):
                    self.place[n_places] = <int32_t> k
                    n_places += jumps_chosen(self.chosen, group.first + <int32_t> k)
            to = self.n_found
            for k in range(n_places):
                self.found_time[to] = arrivals[a].time
                self.found_unit[to] = group_target(group, self.place[k])
                self.found_weight[to] = group_weight(group, self.place[k])
                to += 1
            self.n_found = to
        return 0

    cdef void sort_found(self, int64_t *offset, double *time, double *weight) noexcept nogil:
        """Lay the arrivals found out by unit: those of `u` come to offset[u] .. offset[u + 1] - 1, in their order."""
        cdef int64_t begin = 0, n
        cdef Py_ssize_t k
        cdef int64_t *cursor
        cdef int c
        for c in range(self.n_chosen):
            offset[self.unit[c]] = 0
        for k in range(self.n_found):
            offset[self.found_unit[k]] += 1
        for c in range(self.n_chosen):
            n = offset[self.unit[c]]
            offset[self.unit[c]] = begin
            begin += n
        for k in range(self.n_found):
            cursor = &offset[self.found_unit[k]]
            time[cursor[0]] = self.found_time[k]
            weight[cursor[0]] = self.found_weight[k]
            cursor[0] += 1
        # Each cursor is at the end of its list, where the next one begins. From the last unit to the first, because
        # the end of a list lies in the place of the next unit's beginning.
        for c in range(self.n_chosen - 1, -1, -1):
            offset[self.unit[c] + 1] = offset[self.unit[c]]
            offset[self.unit[c]] = offset[self.unit[c - 1]] if c else 0

    cdef void give(self, UnitState *units, int unit, double start) noexcept nogil:
        """Give the membrane of a chosen unit to its record, as it was at the start of the window."""
        units[unit].v = self.v[unit]
        units[unit].t = start

    cdef void take(self, UnitState *units, int unit, double end) noexcept nogil:
        """Take a unit back that was replayed to `end`."""
        self.v[unit] = units[unit].v
        if units[unit].refractory_end > end:
            self.resting[self.n_resting] = unit
            self.n_resting += 1

    cdef int make_room(self, Py_ssize_t n, Py_ssize_t longest) except -1 nogil:
        cdef Py_ssize_t room
        if longest > self.place_room:
            self.place = <int32_t *> resized(self.place, 2 * longest, sizeof(int32_t), b"arrivals")
            self.place_room = 2 * longest
        if n > self.found_room:
            room = 2 * n + 256
            self.found_time = <double *> resized(self.found_time, room, sizeof(double), b"arrivals")
            self.found_weight = <double *> resized(self.found_weight, room, sizeof(double), b"arrivals")
            self.found_unit = <int32_t *> resized(self.found_unit, room, sizeof(int32_t), b"arrivals")
            self.found_room = room
        return 0
