# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Predicted threshold crossings: one slot per unit, whose time is changed in place.

Each input changes the prediction of its unit, and most predictions never come true; entries left
behind in the event queue would soon be most of it. So a slot knows its place in a 4-ary heap
ordered by (time, slot), and setting it again moves it there.
"""

cimport cython
from libc.math cimport INFINITY, isnan
from libc.stdlib cimport free

from eventsim.kernels.memory cimport resized
from eventsim.kernels.pages cimport huge_pages

cdef enum:
    MAX_SLOTS = 0x7FFFFFF0  # indices are 32 bits


cdef inline bint earlier(const Crossing *a, const Crossing *b) noexcept nogil:
    return a.time < b.time or (a.time == b.time and a.slot < b.slot)


def require(condition, invariant):
    if not condition:
        raise AssertionError(invariant)


@cython.final
cdef class CrossingHeap:
    """At most one predicted time per slot, the least (time, slot) on top; keys change in place."""

    def __cinit__(self):
        self.top_time = INFINITY

    def __dealloc__(self):
        free(self.heap)
        free(self.position)

    cdef int grow(self, int n) except -1:
        """Make n more slots, without predictions."""
        cdef Py_ssize_t total = <Py_ssize_t> self.n_slots + n
        cdef int32_t *position
        cdef Py_ssize_t slot
        if total > MAX_SLOTS:
            raise MemoryError(f"no more than {MAX_SLOTS} crossing slots, asked for {total}")
        self.heap = <Crossing *> resized(self.heap, total, sizeof(Crossing), b"crossing slots")
        position = <int32_t *> resized(self.position, total, sizeof(int32_t), b"crossing slots")
        self.position = position
        huge_pages(self.heap, total * sizeof(Crossing))
        huge_pages(position, total * sizeof(int32_t))
        for slot in range(self.n_slots, total):
            position[slot] = -1
        self.n_slots = <int> total
        return 0

    cdef void set(self, int slot, double time) noexcept nogil:
        cdef int at = self.position[slot]
        cdef Crossing key
        cdef Crossing last
        key.time = time
        key.slot = slot
        if time < INFINITY:
            if at < 0:
                at = self.n_predicted
                self.n_predicted += 1
                self.rise(at, key)
            elif earlier(&key, &self.heap[at]):
                self.rise(at, key)
            else:
                self.sink(at, key)
        elif at >= 0:
            self.n_predicted -= 1
            self.position[slot] = -1
            if at < self.n_predicted:
                last = self.heap[self.n_predicted]
                if earlier(&last, &self.heap[at]):
                    self.rise(at, last)
                else:
                    self.sink(at, last)
        self.top_time = self.heap[0].time if self.n_predicted else INFINITY

    cdef int top_slot(self) noexcept nogil:
        return self.heap[0].slot

    cdef double get(self, int slot) noexcept nogil:
        cdef int at = self.position[slot]
        return INFINITY if at < 0 else self.heap[at].time

    cdef void clear(self) noexcept nogil:
        cdef int slot
        for slot in range(self.n_slots):
            self.position[slot] = -1
        self.n_predicted = 0
        self.top_time = INFINITY

    cdef void rise(self, int hole, Crossing key) noexcept nogil:
        cdef int parent
        while hole > 0:
            parent = (hole - 1) >> 2
            if not earlier(&key, &self.heap[parent]):
                break
            self.heap[hole] = self.heap[parent]
            self.position[self.heap[hole].slot] = hole
            hole = parent
        self.heap[hole] = key
        self.position[key.slot] = hole

    cdef void sink(self, int hole, Crossing key) noexcept nogil:
        cdef int child, best, end
        while True:
            child = 4 * hole + 1
            if child >= self.n_predicted:
                break
            best = child
            end = min(child + 4, self.n_predicted)
            child += 1
            while child < end:
                if earlier(&self.heap[child], &self.heap[best]):
                    best = child
                child += 1
            if not earlier(&self.heap[best], &key):
                break
            self.heap[hole] = self.heap[best]
            self.position[self.heap[hole].slot] = hole
            hole = best
        self.heap[hole] = key
        self.position[key.slot] = hole

    # ---- for tests, from Python

    def add_slots(self, int n):
        """Make n more slots."""
        self.grow(n)

    def predict(self, int slot, double time):
        """Set, change or with inf remove the time of a slot."""
        if not 0 <= slot < self.n_slots or isnan(time):
            raise ValueError(f"no slot {slot} of {self.n_slots}, or time {time} is not a number")
        self.set(slot, time)

    def top(self):
        """Return the least (time, slot), or None."""
        return (self.top_time, self.top_slot()) if self.n_predicted else None

    def verify(self):
        """Check the order of the heap and that every slot knows its place."""
        cdef int i
        for i in range(self.n_predicted):
            if i:
                require(not earlier(&self.heap[i], &self.heap[(i - 1) >> 2]), "no child before its parent")
            require(self.position[self.heap[i].slot] == i, "a slot knows its place")
        require(sum([self.position[i] >= 0 for i in range(self.n_slots)]) == self.n_predicted,
                "predictions are counted")
        require(self.top_time == (self.heap[0].time if self.n_predicted else INFINITY), "the top is known")
